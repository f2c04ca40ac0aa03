/**
 * What the machine did during an attack: how busy each core was, what the hypervisor took, and how much programs used that
 * belong neither to FlashGrid nor to the system under test. Processes are read at the start and at the end alone, cores
 * twice a second.
 */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import os from 'node:os';
import type { MachineHealth } from '../../../contract/run-record.ts';
import { isOneRedisUrl, redisNodeUrls } from '../../../services/shared/redis-url.ts';
import { urlList } from '../../../services/shared/url-list.ts';
import { listPids, readProc, readProcStat, type ProcStat } from '../../processes/process-table.ts';

const SAMPLE_MS = 500;
/** A shorter time holds too few clock ticks of 10 ms. */
const SHORTEST_MS = 150;
/** What runs a container and carries its traffic. */
const CONTAINER_TOOLS = /^(dockerd|docker-proxy|containerd|conmon|podman|rootlessport|slirp4netns|pasta)/;
const IN_CONTAINER = /[0-9a-f]{64}/;

/** The parts of the system under test that FlashGrid did not start as processes of its own. */
export interface ForeignSystem {
  /** Where it answers; its processes are those that listen there. */
  readonly urls: readonly string[];
  readonly areContainers: boolean;
}

/** Ticks of one core since the machine started. */
interface CoreTimes {
  /** Of programs; interrupts are not counted, since traffic on loopback makes them. */
  readonly work: number;
  readonly interrupts: number;
  readonly stolen: number;
  readonly total: number;
}

/** The cores in the text of /proc/stat. */
export function parseCores(text: string): CoreTimes[] {
  return [...text.matchAll(/^cpu\d+ (.*)$/gm)].map(([, fields = '']) => {
    const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softIrq = 0, stolen = 0] = fields
      .trim()
      .split(/\s+/)
      .map(Number);
    const [work, interrupts] = [user + nice + system, irq + softIrq];
    return { work, interrupts, stolen, total: work + interrupts + idle + wait + stolen };
  });
}

function readCores(): CoreTimes[] {
  try {
    return parseCores(readFileSync('/proc/stat', 'utf8'));
  } catch {
    return os.cpus().map(({ times: { user, nice, sys, idle, irq } }) => {
      const work = user + nice + sys;
      return { work, interrupts: irq, stolen: 0, total: work + irq + idle };
    });
  }
}

/** CPU time of the machine's processes at one moment, in ticks. */
interface Processes {
  /** Of FlashGrid, the system under test and the kernel, with children that have ended. */
  readonly known: number;
  readonly others: ReadonlyMap<string, number>;
}

export class MachineMeter {
  readonly #roots: () => readonly number[];
  readonly #foreign: ForeignSystem | undefined;
  #timer: NodeJS.Timeout | undefined;
  #first: readonly CoreTimes[] = [];
  #last: { readonly atMs: number; readonly cores: readonly CoreTimes[] } = { atMs: 0, cores: [] };
  #most: number[] = [];
  #startMs = 0;
  #before: Processes | undefined;

  /** @param roots processes that are FlashGrid's, with all that descend from them */
  constructor(roots: () => readonly number[], foreign: ForeignSystem | undefined) {
    this.#roots = roots;
    this.#foreign = foreign;
  }

  start(): void {
    this.#before = this.#readProcesses();
    this.#startMs = performance.now();
    this.#first = readCores();
    this.#most = this.#first.map(() => 0);
    this.#last = { atMs: this.#startMs, cores: this.#first };
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Of the time since the start; `undefined` when it was too short to tell. */
  read(): MachineHealth | undefined {
    this.#sample();
    const { atMs, cores } = this.#last;
    if (atMs - this.#startMs < SHORTEST_MS) return undefined;
    const spans = cores.map((core, at) => spanOf(this.#first[at], core));
    const sum = (key: keyof CoreTimes) => spans.reduce((total, span) => total + span[key], 0);
    const total = sum('total');
    if (total === 0) return undefined;
    const [before, after] = [this.#before, this.#readProcesses()];
    const perCore = total / spans.length;
    return {
      cores: spans.map((span, at) => ({ busy: busyOf(span), most: this.#most[at] ?? 0 })),
      ...(sum('stolen') === 0 && process.platform !== 'linux' ? {} : { stealShare: sum('stolen') / total }),
      ...(before && after
        ? {
            otherCores: Math.max(0, sum('work') - (after.known - before.known)) / perCore,
            others: busiest(before, after, perCore),
          }
        : {}),
    };
  }

  #sample(): void {
    const [atMs, cores] = [performance.now(), readCores()];
    if (atMs - this.#last.atMs < SHORTEST_MS && this.#last.atMs > this.#startMs) return;
    if (atMs - this.#last.atMs >= SHORTEST_MS)
      this.#most = this.#most.map((most, at) =>
        Math.max(most, busyOf(spanOf(this.#last.cores[at], cores[at]))),
      );
    this.#last = { atMs, cores };
  }

  /** `undefined` where the processes can't be told apart. */
  #readProcesses(): Processes | undefined {
    const all = new Map(
      listPids().flatMap((pid) => {
        const stat = readProcStat(pid);
        return stat ? [[pid, stat] as const] : [];
      }),
    );
    const system = systemPids(this.#foreign, all);
    if (all.size === 0 || !system) return undefined;
    const roots = new Set([process.pid, ...this.#roots(), ...system]);
    if (all.get(2)?.name === 'kthreadd') roots.add(2);
    let known = 0;
    const others = new Map<string, number>();
    for (const [pid, { name, cpuTicks, childTicks }] of all)
      if (isWithin(pid, roots, all)) known += cpuTicks + childTicks;
      else others.set(`${name} (process ${pid})`, cpuTicks);
    return { known, others };
  }
}

const NO_TIME: CoreTimes = { work: 0, interrupts: 0, stolen: 0, total: 0 };

function spanOf(from = NO_TIME, to = NO_TIME): CoreTimes {
  return {
    work: to.work - from.work,
    interrupts: to.interrupts - from.interrupts,
    stolen: to.stolen - from.stolen,
    total: to.total - from.total,
  };
}

const busyOf = ({ work, interrupts, total }: CoreTimes) => (total > 0 ? (work + interrupts) / total : 0);

function busiest(before: Processes, after: Processes, perCore: number): { name: string; cores: number }[] {
  return [...after.others]
    .map(([name, ticks]) => ({ name, cores: (ticks - (before.others.get(name) ?? 0)) / perCore }))
    .filter(({ cores }) => cores >= 0.05)
    .sort((a, b) => b.cores - a.cores)
    .slice(0, 3);
}

type ProcessTree = ReadonlyMap<number, ProcStat>;

function isWithin(pid: number, roots: ReadonlySet<number>, all: ProcessTree): boolean {
  for (let at = pid; at > 0; at = all.get(at)?.parentPid ?? 0) if (roots.has(at)) return true;
  return false;
}

/** The processes of a system that is not ours; `undefined` when they are on this machine and can't be found. */
function systemPids(foreign: ForeignSystem | undefined, all: ProcessTree): number[] | undefined {
  if (!foreign) return [];
  // A container may be what answers on a port, or stand behind what does.
  const containers = [...all]
    .filter(
      ([pid, { name }]) => CONTAINER_TOOLS.test(name) || IN_CONTAINER.test(readProc(pid, 'cgroup') ?? ''),
    )
    .map(([pid]) => pid);
  if (foreign.areContainers) return containers.length === 0 ? undefined : containers;
  const local = foreign.urls
    .flatMap((urls) => (isOneRedisUrl(urls) ? redisNodeUrls(urls) : urlList(urls)))
    .map((url) => new URL(url.trim()))
    .filter(({ hostname }) => isHere(hostname));
  if (local.length === 0) return [];
  const pids = listenersOn(new Set(local.map(portOf)), [...all.keys()]);
  return pids.length === 0 ? undefined : [...pids, ...containers];
}

const portOf = ({ port, protocol }: URL) =>
  port === ''
    ? ({ 'https:': 443, 'amqp:': 5672, 'redis:': 6379 }[protocol] ??
      (protocol.startsWith('postgres') ? 5432 : 80))
    : Number(port);

function isHere(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '');
  const own = Object.values(os.networkInterfaces()).flatMap((list) => list?.map((one) => one.address) ?? []);
  return address === 'localhost' || own.includes(address) || address.startsWith('127.');
}

/** Processes of this user that listen on TCP ports. */
function listenersOn(ports: ReadonlySet<number>, pids: readonly number[]): number[] {
  const sockets = new Set(
    ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) => {
      const lines = attempt(() => readFileSync(path, 'utf8').split('\n').slice(1), []);
      return lines.flatMap((line) => {
        const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
        const port = Number.parseInt(local.split(':')[1] ?? '', 16);
        return state === '0A' && ports.has(port) ? [`socket:[${inode}]`] : [];
      });
    }),
  );
  return pids.filter((pid) =>
    attempt(() => readdirSync(`/proc/${pid}/fd`), []).some((fd) =>
      sockets.has(attempt(() => readlinkSync(`/proc/${pid}/fd/${fd}`), '')),
    ),
  );
}

/** What has ended, or belongs to somebody else, can't be read. */
function attempt<Value>(read: () => Value, otherwise: Value): Value {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
