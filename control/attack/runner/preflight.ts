/**
 * Checks the machine before an attack: an error that names the field is better than ten thousand time-outs.
 */
import { byteSize, whole } from '../../../contract/format.ts';
import { readFile } from 'node:fs/promises';
import { freemem } from 'node:os';
import { FailureError, type Failure } from '../../../contract/failure.ts';
import type { ProcessPlan } from './process-plan.ts';
import { totalRequests, type AttackSettings } from '../../../contract/attack-settings.ts';
import { openFileLimit } from '../../../services/shared/open-files.ts';
import { BYTES_PER_REQUEST } from '../protocol/request-log.ts';

/** Files that a process holds besides its sockets. */
const OTHER_FILES = 100;
/**
 * Memory of one connection in the generator, measured with 10,000 of them: autocannon's client, its parser,
 * the socket.
 */
const BYTES_PER_CONNECTION = 20_000;
/**
 * Of one request, in the generator and once more in the control centre, with a frame's text shared by few.
 */
const BYTES_PER_LEDGER_ENTRY = 2 * (BYTES_PER_REQUEST + 8);
/** Of a Node process that does nothing. */
const BYTES_PER_PROCESS = 80_000_000;

/** What a machine allows; `undefined` where it can't be known. */
export interface MachineLimits {
  /** Files that one process may open. */
  readonly openFiles: number | undefined;
  /** Local ports for connections to one address and port. */
  readonly localPorts: number | undefined;
  /** Connections that may wait to be accepted. */
  readonly acceptQueue: number | undefined;
  readonly freeMemoryBytes: number;
}

/** Reads the limits of this machine. */
export async function readMachineLimits(): Promise<MachineLimits> {
  const [openFiles, ports, acceptQueue, memory] = await Promise.all([
    openFileLimit(),
    readNumbers('/proc/sys/net/ipv4/ip_local_port_range'),
    readNumbers('/proc/sys/net/core/somaxconn'),
    readAvailableMemory(),
  ]);
  const [lowest, highest] = ports;
  return {
    openFiles,
    localPorts: lowest !== undefined && highest !== undefined ? highest - lowest + 1 : undefined,
    acceptQueue: acceptQueue[0],
    freeMemoryBytes: memory ?? freemem(),
  };
}

/** What prevents an attack, and what only slows it. */
export interface PreflightReport {
  readonly failures: readonly Failure[];
  readonly warnings: readonly string[];
}

/** Compares an attack with the limits of a machine. `targets` is the number of gateways. */
export function judgeMachine(
  settings: AttackSettings,
  plan: ProcessPlan,
  targets: number,
  limits: MachineLimits,
): PreflightReport {
  const failures: Failure[] = [];
  const warnings: string[] = [];
  const connections = plan.connections.reduce((sum, one) => sum + one, 0);
  const perTarget = Math.ceil(connections / targets);
  const perProcess = Math.max(...plan.connections);

  const { openFiles, localPorts, acceptQueue, freeMemoryBytes } = limits;
  if (openFiles !== undefined) {
    const usable = Math.max(1, openFiles - OTHER_FILES);
    const needed = Math.max(perProcess, perTarget) + OTHER_FILES;
    if (needed > openFiles) {
      const side =
        perProcess > usable ? `each of ${plan.processes} generator processes` : `each of ${targets} gateways`;
      failures.push({
        code: 'attack.openFiles',
        field: 'connections',
        message: `connections: ${whole(connections)} sockets need ${whole(needed)} open files in ${side}; this machine allows ${whole(openFiles)} a process.`,
        fix: `Use at most ${whole(usable * Math.min(plan.processes, targets))} connections, or raise the limit in the shell that starts FlashGrid (ulimit -n ${Math.ceil(needed / 1_000) * 1_000}; lasting: /etc/security/limits.conf), or use more generator processes and gateways.`,
      });
    }
  }
  if (localPorts !== undefined && perTarget > localPorts) {
    failures.push({
      code: 'attack.localPorts',
      field: 'connections',
      message: `connections: ${whole(perTarget)} connections to one gateway need as many local ports; this machine has ${whole(localPorts)}.`,
      fix: `Start ${Math.ceil(connections / localPorts)} gateways, use at most ${whole(localPorts * targets)} connections, or widen net.ipv4.ip_local_port_range.`,
    });
  }
  const requests = totalRequests(settings);
  const field = ({ burst: 'requests', sustained: 'durationSec', staged: 'stages' } as const)[
    settings.profile
  ];
  const neededBytes =
    requests * BYTES_PER_LEDGER_ENTRY +
    connections * BYTES_PER_CONNECTION +
    plan.processes * BYTES_PER_PROCESS;
  if (neededBytes > freeMemoryBytes * 0.8) {
    failures.push({
      code: 'attack.memory',
      field,
      message: `${field}: ${whole(requests)} requests need about ${byteSize(neededBytes)} of memory; ${byteSize(freeMemoryBytes)} are free.`,
      fix: 'Use fewer requests, or end other programs.',
    });
  }
  if (acceptQueue !== undefined && perTarget > acceptQueue) {
    warnings.push(
      `${whole(perTarget)} connections are opened to a gateway at once, and this machine lets ${whole(acceptQueue)} wait: some will take a second or more to open (net.core.somaxconn).`,
    );
  }
  return { failures, warnings };
}

/**
 * Judges this machine.
 * @returns warnings
 * @throws FailureError `attack.openFiles`, `attack.localPorts`, `attack.memory`
 */
export async function checkMachine(
  settings: AttackSettings,
  plan: ProcessPlan,
  targets: number,
): Promise<readonly string[]> {
  const { failures, warnings } = judgeMachine(settings, plan, targets, await readMachineLimits());
  const [first] = failures;
  if (first) throw new FailureError(first);
  return warnings;
}

/** The whole numbers in a file of /proc; none where there is no such file (macOS, Windows). */
async function readNumbers(path: string): Promise<number[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text
    .split(/\s+/)
    .filter((word) => /^\d+$/.test(word))
    .map(Number);
}

/** Free memory and what the system can free; `os.freemem` leaves the latter out on Linux. */
async function readAvailableMemory(): Promise<number | undefined> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const kilobytes = /^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}
