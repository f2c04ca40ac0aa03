/**
 * Records every process that the control centre starts in the data folder, so that the next start finds what
 * a crash left behind. A record holds the start time of the process: another process that got the same pid is
 * never touched.
 *
 * A crash between spawn and record is covered, too: each process has the registry's id in its environment.
 * Redis and Postgres overwrite theirs with a title; they are recognised by their name and their working
 * folder.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, realpathSync } from 'node:fs';
import { join, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { writeFileAtomic } from '../lib/atomic-file.ts';
import { readJson } from '../lib/read-json.ts';
import { type ProcessIdentity, identify, isAlive, listProcesses } from './process-table.ts';

/**
 * Environment variables that mark a child: its registry, its role, and the control centre that started it.
 */
export const REGISTRY_VARIABLE = 'FLASHGRID_CLUSTER_ID';
export const ROLE_VARIABLE = 'FLASHGRID_ROLE';
export const OWNER_VARIABLE = 'FLASHGRID_OWNER';

const POLL_INTERVAL_MS = 20;
const KILL_LIMIT_MS = 5_000;
/**
 * Programs that are ours when a backend's folder is their working folder. A shell in that folder must not be
 * killed.
 */
const BACKEND_PROGRAM =
  /^(postgres|initdb|valkey-server|redis-(server|rdb|aof)|beam|erl|epmd|inet_gethost|patroni|etcd|haproxy)/;

/** With the number of a member: `redis-2`. */
const BACKEND_ROLE = /^(rabbitmq|redis|postgres|epmd|initdb|sentinel|etcd|haproxy)(-\d)?$/;

const identitySchema = z.object({ pid: z.number().int().positive(), startedAt: z.string() });
const recordSchema = identitySchema.extend({
  /** `redis`, `epmd`, `gateway-1`… */
  role: z.string(),
  command: z.string(),
  /** The control centre that it belongs to. */
  owner: identitySchema,
  /** Of its configuration: a backend with another fingerprint can't be adopted. */
  fingerprint: z.string().optional(),
  recordedAtMs: z.number(),
});
export type ProcessRecord = z.infer<typeof recordSchema>;
/**
 * The file calls the registry's id `clusterId`, as earlier versions did: their processes must be found after
 * an update.
 */
const recordsSchema = z.object({ clusterId: z.string(), processes: z.array(recordSchema) });
const registryIdSchema = z.object({ id: z.string().min(8), dataDir: z.string() });

/** A process of this cluster that lives now. */
export interface FoundProcess extends ProcessIdentity {
  readonly role: string;
  readonly command: string;
  readonly fingerprint?: string | undefined;
  readonly recordedAtMs?: number | undefined;
  readonly parentPid: number;
  /** Whether the control centre that it belongs to still lives. */
  readonly isOwned: boolean;
  /** Whether it is a backend or belongs to one; else it is a gateway, a worker, a generator. */
  readonly isBackend: boolean;
}

export interface StopLimits {
  /** Asks it to end; SIGTERM by default. */
  readonly signal?: NodeJS.Signals;
  /** ms that it may take before SIGKILL. */
  readonly limitMs: number;
}

export class ProcessRegistry {
  /** Marks the processes of this data folder. A copied folder gets an id of its own. */
  readonly id: string;
  readonly #dataDir: string;
  readonly #path: string;
  readonly #self: ProcessIdentity;

  /** Opens the registry of a data folder, or creates it. */
  constructor(dataDir: string) {
    mkdirSync(dataDir, { recursive: true });
    this.#dataDir = realpathSync(dataDir);
    this.#path = join(this.#dataDir, 'processes.json');
    this.id = this.#openId();
    this.#self = identify(process.pid) ?? { pid: process.pid, startedAt: '' };
  }

  /** Variables for a child's environment: they identify it when we crash before it is recorded. */
  environment(role: string): Record<string, string> {
    return {
      [REGISTRY_VARIABLE]: this.id,
      [ROLE_VARIABLE]: role,
      [OWNER_VARIABLE]: `${this.#self.pid} ${this.#self.startedAt}`,
    };
  }

  /**
   * Records a child: call it in the same turn as the spawn.
   * @returns its identity; `undefined` when it has already ended
   */
  record(child: {
    readonly pid: number;
    readonly role: string;
    readonly command: string;
    readonly fingerprint?: string;
    /** When its first control centre recorded it; now by default. */
    readonly recordedAtMs?: number;
  }): ProcessIdentity | undefined {
    const identity = identify(child.pid);
    if (!identity) return undefined;
    const record: ProcessRecord = { recordedAtMs: Date.now(), ...child, ...identity, owner: this.#self };
    this.#write([...this.records().filter((other) => other.pid !== child.pid), record]);
    return identity;
  }

  /** Takes over a process that another control centre started. */
  adopt(found: FoundProcess): void {
    this.record({
      pid: found.pid,
      role: found.role,
      command: found.command,
      ...(found.recordedAtMs === undefined ? {} : { recordedAtMs: found.recordedAtMs }),
      ...(found.fingerprint === undefined ? {} : { fingerprint: found.fingerprint }),
    });
  }

  /** Drops the record of a process that has ended. */
  remove(identity: ProcessIdentity): void {
    const records = this.records();
    const rest = records.filter(
      (record) => record.pid !== identity.pid || record.startedAt !== identity.startedAt,
    );
    if (rest.length === records.length) return;
    try {
      this.#write(rest);
    } catch {
      // The disk may be full. The record of a process that has ended does no harm.
    }
  }

  /** All records, of living and dead. */
  records(): ProcessRecord[] {
    const kept = readJson(this.#path, recordsSchema);
    // The records of a copied folder are about processes of the original.
    return kept?.clusterId === this.id ? kept.processes : [];
  }

  /** Every living process of this cluster, recorded or not. */
  findProcesses(): FoundProcess[] {
    const records = new Map(this.records().map((record) => [record.pid, record]));
    const marker = `${REGISTRY_VARIABLE}=${this.id}`;
    const backendDir = join(this.#dataDir, 'native') + sep;
    return listProcesses().flatMap((facts) => {
      if (facts.pid === process.pid) return [];
      const { pid, startedAt, parentPid } = facts;
      const record = records.get(pid);
      if (record?.startedAt === startedAt) {
        const { role, command, fingerprint, recordedAtMs } = record;
        const isBackend = BACKEND_ROLE.test(role);
        return {
          pid,
          startedAt,
          parentPid,
          role,
          command,
          fingerprint,
          recordedAtMs,
          isOwned: isAlive(record.owner),
          isBackend,
        };
      }
      const places = `${facts.workingDir}${sep} ${facts.commandLine}`;
      const isBackendProgram =
        BACKEND_PROGRAM.test(facts.name) && (places.includes(backendDir) || places.includes(this.id));
      if (!facts.environment.includes(marker) && !isBackendProgram) return [];
      const role = valueOf(facts.environment, ROLE_VARIABLE) ?? facts.name;
      const [ownerPid, ...ownerStart] = valueOf(facts.environment, OWNER_VARIABLE)?.split(' ') ?? [];
      const owner = { pid: Number(ownerPid), startedAt: ownerStart.join(' ') };
      return {
        pid,
        startedAt,
        parentPid,
        role,
        command: facts.commandLine,
        isOwned: owner.pid > 0 && isAlive(owner),
        isBackend: isBackendProgram || BACKEND_ROLE.test(role),
      };
    });
  }

  /**
   * Stops every process of this data folder whose control centre has ended, except those that `isKept` names.
   * @returns what was stopped
   */
  async clearLeftovers(isKept: (found: FoundProcess) => boolean = () => false): Promise<FoundProcess[]> {
    const leftovers = this.findProcesses().filter((found) => !found.isOwned && !isKept(found));
    await this.stopAll(leftovers, { limitMs: KILL_LIMIT_MS });
    return leftovers;
  }

  /** Stops processes together, each with its process group, and drops their records. */
  async stopAll(processes: readonly ProcessIdentity[], limits: StopLimits): Promise<void> {
    await Promise.all(
      processes.map(async (identity) => {
        await stopProcess(identity, limits);
        this.remove(identity);
      }),
    );
  }

  #write(processes: readonly ProcessRecord[]): void {
    // Records of ended processes go with the next change, so the file stays small.
    const living = processes.filter(isAlive);
    writeFileAtomic(this.#path, JSON.stringify({ clusterId: this.id, processes: living }, null, 1));
  }

  #openId(): string {
    const path = join(this.#dataDir, 'cluster-id.json');
    const kept = readJson(path, registryIdSchema);
    if (kept?.dataDir === this.#dataDir) return kept.id;
    const id = `fg-${randomBytes(8).toString('hex')}`;
    writeFileAtomic(path, JSON.stringify({ id, dataDir: this.#dataDir }));
    return id;
  }
}

/**
 * Ends a process: asks, waits, then kills it and what is left of its process group.
 * @throws Error when even SIGKILL did not end it
 */
export async function stopProcess(identity: ProcessIdentity, limits: StopLimits): Promise<void> {
  signalProcess(identity, limits.signal ?? 'SIGTERM');
  if (await hasEnded(identity, limits.limitMs)) return;
  killGroup(identity);
  if (!(await hasEnded(identity, KILL_LIMIT_MS)))
    throw new Error(`process ${identity.pid} did not end after SIGKILL`);
}

/** SIGKILL to a process and its process group, which it leads (it was spawned detached). */
export function killGroup(identity: ProcessIdentity): void {
  if (!isAlive(identity)) return;
  // A process that leads no group has no group to kill: that error is ignored, and the process itself is
  // killed next.
  trySignal(-identity.pid, 'SIGKILL');
  trySignal(identity.pid, 'SIGKILL');
}

/** Waits until a process has ended; false after `limitMs`. */
export async function hasEnded(identity: ProcessIdentity, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (isAlive(identity)) {
    if (performance.now() > deadline) return false;
    await sleep(POLL_INTERVAL_MS);
  }
  return true;
}

/** Sends a signal to this process, if it still lives. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (isAlive(identity)) trySignal(identity.pid, signal);
}

function trySignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // ESRCH: it has just ended.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function valueOf(environment: readonly string[], name: string): string | undefined {
  return environment.find((text) => text.startsWith(`${name}=`))?.slice(name.length + 1);
}
