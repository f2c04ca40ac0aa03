/**
 * Starts one process of a backend, and records it in the same turn: nobody would find an unrecorded one after
 * a crash.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { lowerPriority } from '../../processes/priority.ts';
import { type ProcessRegistry, killGroup } from '../../processes/process-registry.ts';
import { type ProcessIdentity, identify } from '../../processes/process-table.ts';
import { sealed } from '../../processes/sealed.ts';
import type { ProcessPlan } from './backend.ts';

export interface RunningProcess {
  readonly role: string;
  readonly identity: ProcessIdentity;
  /** How it ended; only of a process that this control centre spawned. */
  readonly exit?: Promise<string>;
}

export interface SpawnOptions {
  readonly registry: ProcessRegistry;
  readonly logPath: string;
  readonly fingerprint: string;
}

export function spawnProcess(plan: ProcessPlan, options: SpawnOptions): RunningProcess {
  const log = openSync(options.logPath, 'a', 0o600);
  const { command, args } = sealed(plan.command, plan.args);
  let child: ChildProcess;
  try {
    child = spawn(command, args, {
      cwd: plan.workingDir,
      env: { ...plan.env, ...options.registry.environment(plan.role) },
      // Its own process group: a Ctrl-C in the terminal reaches only us, and we stop the backends in order.
      detached: true,
      stdio: ['ignore', log, log],
      ...(plan.user ? { uid: plan.user.uid, gid: plan.user.gid } : {}),
    });
  } finally {
    closeSync(log);
  }
  const exit = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`));
  });
  child.unref();
  const { pid } = child;
  lowerPriority(pid);
  const identity = pid === undefined ? undefined : record(plan, pid, options);
  // No identity: it did not start, or has already ended. Whoever waits for it learns how from `exit`.
  return { role: plan.role, identity: identity ?? { pid: pid ?? 0, startedAt: '' }, exit };
}

/** A process that can't be recorded is killed: nobody would find it after a crash. */
function record(
  plan: ProcessPlan,
  pid: number,
  { registry, fingerprint }: SpawnOptions,
): ProcessIdentity | undefined {
  const command = [plan.command, ...plan.args].join(' ');
  try {
    return registry.record({ pid, role: plan.role, command, fingerprint });
  } catch (error) {
    const identity = identify(pid);
    if (identity) killGroup(identity);
    throw error;
  }
}
