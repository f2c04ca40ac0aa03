/** CPU and memory of the backends, with all their child processes. */
import { execFileSync } from 'node:child_process';
import type { BackendRole, BackendStats } from '../../../contract/backends.ts';
import { listPids, readProc, readProcStat } from '../../processes/process-table.ts';

/** The unit of times in /proc, fixed by Linux' user-space ABI. */
const TICKS_PER_SEC = 100;
const PS_TIMEOUT_MS = 5_000;

interface Usage {
  readonly parentPid: number;
  /** CPU time so far, in seconds. */
  readonly cpuSec: number;
  /** That of its children that have ended. */
  readonly childSec: number;
}

export class UsageMeter {
  #before: { readonly atMs: number; readonly cpuSec: ReadonlyMap<number, number> } | undefined;

  /** Usage of each backend since the last call; CPU is 0 in the first one. */
  read(
    backends: readonly { readonly role: BackendRole; readonly pids: readonly number[] }[],
  ): BackendStats[] {
    const now = performance.now();
    const all = readAll();
    const before = this.#before;
    const elapsedSec = before ? (now - before.atMs) / 1000 : 0;
    this.#before = { atMs: now, cpuSec: new Map([...all].map(([pid, usage]) => [pid, usage.cpuSec])) };
    return backends.map(({ role, pids: roots }) => {
      const pids = [...new Set(roots.flatMap((pid) => familyOf(pid, all)))];
      const cpuSec = pids.reduce((sum, member) => {
        const used = all.get(member)?.cpuSec ?? 0;
        // A backend that is new since the last look has used all its time since then.
        return sum + Math.max(0, used - (before?.cpuSec.get(member) ?? 0));
      }, 0);
      return {
        role,
        atMs: Date.now(),
        cpuMicros: Math.round(
          1e6 *
            pids.reduce(
              (sum, member) => sum + (all.get(member)?.cpuSec ?? 0) + (all.get(member)?.childSec ?? 0),
              0,
            ),
        ),
        cpuPercent: before && elapsedSec > 0 ? Math.round((cpuSec / elapsedSec) * 1000) / 10 : 0,
        memoryBytes: memoryOf(pids),
      };
    });
  }
}

/** A process and all that descend from it. */
export function familyOf(root: number, all: ReadonlyMap<number, { readonly parentPid: number }>): number[] {
  const family = [root];
  for (const member of family) {
    for (const [pid, { parentPid }] of all) if (parentPid === member) family.push(pid);
  }
  return family.filter((pid) => all.has(pid));
}

function readAll(): Map<number, Usage> {
  const pids = listPids();
  if (pids.length === 0) return readAllFromPs();
  return new Map(
    pids.flatMap((pid) => {
      const stat = readProcStat(pid);
      if (!stat) return [];
      const { parentPid, cpuTicks, childTicks } = stat;
      return [[pid, { parentPid, cpuSec: cpuTicks / TICKS_PER_SEC, childSec: childTicks / TICKS_PER_SEC }]];
    }),
  );
}

/**
 * Memory that each process holds for itself, and once what they share: Postgres' backends all map the same
 * buffers.
 */
function memoryOf(pids: readonly number[]): number {
  let ownKb = 0;
  let sharedKb = 0;
  for (const pid of pids) {
    const status = readProc(pid, 'status');
    if (status === undefined) continue;
    ownKb += kilobytes(status, 'RssAnon');
    sharedKb = Math.max(sharedKb, kilobytes(status, 'RssFile') + kilobytes(status, 'RssShmem'));
  }
  return ownKb + sharedKb > 0 ? (ownKb + sharedKb) * 1024 : residentFromPs(pids);
}

function kilobytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
}

function readAllFromPs(): Map<number, Usage> {
  return new Map(
    ps(['-axo', 'pid=,ppid=,time=']).flatMap((line) => {
      const [pid, parentPid, time] = line.trim().split(/\s+/);
      if (!pid || !parentPid || !time) return [];
      // [[days-]hours:]minutes:seconds
      const parts = time.replace('-', ':').split(':').map(Number).reverse();
      const [sec = 0, min = 0, hours = 0, days = 0] = parts;
      return [
        [
          Number(pid),
          {
            parentPid: Number(parentPid),
            cpuSec: sec + 60 * (min + 60 * (hours + 24 * days)),
            // `ps` does not tell it.
            childSec: 0,
          },
        ],
      ];
    }),
  );
}

function residentFromPs(pids: readonly number[]): number {
  if (pids.length === 0) return 0;
  return ps(['-o', 'rss=', '-p', pids.join(',')]).reduce((sum, line) => sum + Number(line.trim()) * 1024, 0);
}

function ps(args: readonly string[]): string[] {
  try {
    const text = execFileSync('ps', args, {
      encoding: 'utf8',
      timeout: PS_TIMEOUT_MS,
      env: { ...process.env, LC_ALL: 'C' },
    });
    return text.split('\n').filter((line) => line.trim() !== '');
  } catch {
    // All of them have ended, or there is no ps: nothing is known.
    return [];
  }
}
