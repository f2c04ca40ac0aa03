/** The machine's processes, from /proc, or from `ps` where there is none (macOS). */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** Identifies one process for good: a pid alone is reused once its process has ended. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot and the boot's id on Linux; the date elsewhere. Only ever compared. */
  readonly startedAt: string;
}

/** Facts about a process; empty where this user may not read them. */
export interface ProcessFacts extends ProcessIdentity {
  readonly parentPid: number;
  /** Short name of the program. */
  readonly name: string;
  readonly commandLine: string;
  /** `NAME=value` texts. */
  readonly environment: readonly string[];
  readonly workingDir: string;
}

export interface ProcStat {
  readonly name: string;
  readonly state: string;
  readonly parentPid: number;
  /** User and system time, in clock ticks. */
  readonly cpuTicks: number;
  /** Of its children that have ended and were waited for, with theirs. */
  readonly childTicks: number;
  /** Clock ticks since boot. */
  readonly startTicks: string;
}

const HAS_PROC = existsSync('/proc/self/stat');
const PS_TIMEOUT_MS = 5_000;
let cachedBootId: string | undefined;

/** Parses the text of /proc/<pid>/stat; `undefined` for any other text. */
export function parseProcStat(text: string): ProcStat | undefined {
  // The name is in parentheses and may contain parentheses itself: the last one closes it.
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 0 || close < open) return undefined;
  const fields = text.slice(close + 2).split(' ');
  const [state, parentPid] = fields;
  const userTicks = fields[11];
  const systemTicks = fields[12];
  const [userOfChildren, systemOfChildren] = [fields[13], fields[14]];
  const startTicks = fields[19];
  if (!state || !parentPid || !userTicks || !systemTicks || !startTicks) return undefined;
  return {
    name: text.slice(open + 1, close),
    state,
    parentPid: Number(parentPid),
    cpuTicks: Number(userTicks) + Number(systemTicks),
    childTicks: Number(userOfChildren) + Number(systemOfChildren),
    startTicks: startTicks.trim(),
  };
}

/**
 * /proc/<pid>/stat of a process that lives; `undefined` when it has ended (a zombie has) or there is no
 * /proc.
 */
export function readProcStat(pid: number): ProcStat | undefined {
  const text = readProc(pid, 'stat');
  const stat = text === undefined ? undefined : parseProcStat(text);
  // A container's first process often does not reap orphans: zombies then stay in the table.
  return stat && stat.state !== 'Z' && stat.state !== 'X' ? stat : undefined;
}

/** Whether a signal has stopped this process; false where there is no /proc. */
export function isStopped(pid: number): boolean {
  return readProcStat(pid)?.state === 'T';
}

/** Identity of the process that has this pid now; `undefined` when there is none. */
export function identify(pid: number): ProcessIdentity | undefined {
  if (HAS_PROC) {
    const stat = readProcStat(pid);
    return stat && { pid, startedAt: `${stat.startTicks}@${bootId()}` };
  }
  const line = ps(['-o', 'stat=,lstart=', '-p', String(pid)])[0]?.trim();
  const [state, ...date] = line?.split(/\s+/) ?? [];
  return state && !state.startsWith('Z') ? { pid, startedAt: date.join(' ') } : undefined;
}

/** Whether this process still lives, and not another one with its pid. */
export function isAlive(identity: ProcessIdentity): boolean {
  // There are no start times on Windows: only the pid can be compared.
  if (process.platform === 'win32' && identity.startedAt === '') return hasPid(identity.pid);
  return identify(identity.pid)?.startedAt === identity.startedAt;
}

function hasPid(pid: number): boolean {
  if (pid <= 0) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: the process lives and belongs to another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** All processes that live. */
export function listProcesses(): ProcessFacts[] {
  return HAS_PROC ? listFromProc() : listFromPs();
}

/** Pids of all processes; empty without /proc. */
export function listPids(): number[] {
  if (!HAS_PROC) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** A file of /proc/<pid>; `undefined` when the process has ended or belongs to somebody else. */
export function readProc(
  pid: number,
  file: 'stat' | 'status' | 'cmdline' | 'environ' | 'cgroup',
): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // It has ended, or we may not read it.
    return undefined;
  }
}

function listFromProc(): ProcessFacts[] {
  return listPids().flatMap((pid) => {
    const stat = readProcStat(pid);
    if (!stat) return [];
    return {
      pid,
      startedAt: `${stat.startTicks}@${bootId()}`,
      parentPid: stat.parentPid,
      name: stat.name,
      commandLine: (readProc(pid, 'cmdline') ?? '').replaceAll('\0', ' ').trim(),
      environment: (readProc(pid, 'environ') ?? '').split('\0').filter(Boolean),
      workingDir: workingDirOf(pid),
    };
  });
}

function workingDirOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    // As in readProc.
    return '';
  }
}

/** `ps -E` appends the environment to the command line, so both are searched in one text. */
function listFromPs(): ProcessFacts[] {
  return ps(['-Eaxww', '-o', 'pid=,ppid=,stat=,lstart=,command=']).flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*)$/.exec(line);
    const [, pid, parentPid, state, date, command] = match ?? [];
    if (!pid || !parentPid || !state || !date || command === undefined || state.startsWith('Z')) return [];
    const words = command.split(' ');
    return {
      pid: Number(pid),
      startedAt: date.split(/\s+/).join(' '),
      parentPid: Number(parentPid),
      name: words[0]?.split('/').at(-1) ?? '',
      commandLine: command,
      environment: words.filter((word) => /^[A-Z_]+=/.test(word)),
      workingDir: '',
    };
  });
}

function ps(args: readonly string[]): string[] {
  try {
    const text = execFileSync('ps', args, {
      encoding: 'utf8',
      timeout: PS_TIMEOUT_MS,
      // The dates are compared as texts, so they must not depend on the user's locale.
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 64 * 1024 * 1024,
    });
    return text.split('\n').filter((line) => line.trim() !== '');
  } catch {
    // `ps -p` exits with 1 when the process is gone.
    return [];
  }
}

function bootId(): string {
  if (cachedBootId === undefined) {
    try {
      cachedBootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    } catch {
      // Some sandboxes hide it; the ticks then identify a process.
      cachedBootId = '';
    }
  }
  return cachedBootId;
}
