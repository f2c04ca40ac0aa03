/** Processes of the bench: forked, measured through /proc, stopped by their own handle. */
import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { z } from 'zod';
import { SERVICE_ALLOCATOR_ENV, SERVICE_NODE_FLAGS } from '../../services/shared/node-flags.ts';
import { lowerPriority } from '../../control/processes/priority.ts';
import { withLimit } from '../../services/shared/time-limit.ts';

const READY_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 15_000;
/** Clock ticks a second of /proc; 100 on every Linux that Node runs on. */
const TICKS_PER_SEC = 100;

const readySchema = z.object({ type: z.literal('ready'), port: z.number() });

export interface BenchProcess {
  readonly pid: number;
  readonly port: number;
  readonly url: string;
  /** From the fork to its `ready`. */
  readonly startMs: number;
  send(message: object): void;
  stop(): Promise<void>;
}

/** Whether a module is a built service. It is started as the app does; the rest, baselines among it, as Node comes. */
function isService(modulePath: string): boolean {
  return modulePath.endsWith('.js');
}

/** Forks a module and waits for its `ready`. A TypeScript module is run through tsx. */
export async function forkProcess(
  modulePath: string,
  env: Record<string, string> = {},
  flags: readonly string[] = isService(modulePath)
    ? SERVICE_NODE_FLAGS[modulePath.endsWith('worker.js') ? 'worker' : 'gateway']
    : [],
): Promise<BenchProcess> {
  const startedMs = performance.now();
  const child = fork(modulePath, [], {
    env: { ...process.env, ...(isService(modulePath) ? SERVICE_ALLOCATOR_ENV : {}), ...env },
    execArgv: [...flags, ...(isService(modulePath) ? [] : ['--import', 'tsx'])],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    // As the app starts its children, and of the same rank as the generators and backends, which come from the app's own code.
    detached: true,
  });
  lowerPriority(child.pid);
  const port = await withLimit(
    readyPort(child, modulePath),
    READY_LIMIT_MS,
    `${modulePath} was not ready in time`,
  );
  const startMs = performance.now() - startedMs;
  return {
    pid: child.pid ?? 0,
    port,
    url: `http://127.0.0.1:${port}`,
    startMs,
    send: (message) => void child.send(message),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.send({ type: 'stop' }, () => undefined);
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

function readyPort(child: ChildProcess, modulePath: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('message', (raw) => {
      const message = readySchema.safeParse(raw);
      if (message.success) resolve(message.data.port);
    });
    child.once('exit', (code, signal) => reject(new Error(`${modulePath} ended with ${signal ?? code}`)));
    child.once('error', reject);
  });
}

/** CPU time of a process so far, in ms. */
export function cpuMs(pid: number): number {
  return timesMs(pid, 11);
}

/** CPU time of processes below one that have ended, in ms. */
export function endedBelowMs(pid: number): number {
  return timesMs(pid, 13);
}

/** The sum of two neighbouring times of /proc/PID/stat: of user code and of the kernel. */
function timesMs(pid: number, at: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[at]) + Number(fields[at + 1])) * 1_000) / TICKS_PER_SEC;
}

/** Memory of a process now, in MB (10^6 bytes). */
export function rssMb(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return (Number(match?.[1] ?? 0) * 1_024) / 1e6;
}

/** Watches the memory of processes; the returned function ends it and gives the peaks, in MB. */
export function watchMemory(pids: Readonly<Record<string, number>>): () => Record<string, number> {
  const peaks = Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, rssMb(pid)]));
  const timer = setInterval(() => {
    for (const [name, pid] of Object.entries(pids)) peaks[name] = Math.max(peaks[name] ?? 0, rssMb(pid));
  }, 50);
  return () => {
    clearInterval(timer);
    return peaks;
  };
}
