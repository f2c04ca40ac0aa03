/** The processes that a fault may hit: services and backends, handled alike. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BACKEND_TITLES,
  backendRoleSchema,
  type BackendRole,
  type MemberState,
} from '../../contract/backends.ts';
import { memberOf } from '../../contract/faults.ts';
import { FailureError } from '../../contract/failure.ts';
import { milliseconds } from '../../contract/format.ts';
import { commandLine } from '../lib/command-line.ts';
import { isStopped } from '../processes/process-table.ts';
import { EFFECT_LIMIT_MS, type Effect, type FaultTools } from './fault.ts';

const LOOK_MS = 20;
/** ms after the return of a leader within which another one must lead, if any. */
const TAKEOVER_LIMIT_MS = 10_000;
/** ms that a fault of the member that leads waits for one: the longest failover takes 22 s. */
const LEADER_LIMIT_MS = 30_000;

export interface Part {
  /** `worker-1`, `redis`: as incidents have it. */
  readonly id: string;
  /** As people read it: `Redis`. */
  readonly name: string;
  /** Pid or container of the part while it serves, those of all members with spaces between: others after a restart. */
  instance(): string | undefined;
  kill(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  isPaused(): Promise<boolean>;
  restart(signal: AbortSignal): Promise<void>;
  /** Of a member that leads: the name of the one that leads now. */
  leader?(): string | undefined;
}

/**
 * The parts that a target names: `worker` is the first one that runs, `workers` all that run.
 * @throws FailureError `fault.notOurs` | `fault.notHighlyAvailable` | `fault.noTarget`
 */
export function partsOf(target: string, tools: FaultTools): Part[] {
  const member = memberOf(target);
  if (member) return [memberPart(target, member, tools)];
  const role = backendRoleSchema.safeParse(target);
  if (!role.success) return servicesOf(target, tools);
  const { cluster } = tools;
  refuseExternal(role.data, tools);
  return [
    {
      id: role.data,
      name: BACKEND_TITLES[role.data],
      instance: () => {
        const members = membersNow(role.data, tools);
        const server = serverOf(role.data, tools);
        if (server === undefined || members.length === 0) return server;
        // The one that leads changes in the middle of it: only all of them together are back.
        const handles = members.map(({ state, handle }) => (state === 'running' ? handle : undefined));
        return handles.includes(undefined) ? undefined : handles.join(' ');
      },
      kill: () => {
        tools.expectKill(role.data);
        return cluster.kill(role.data);
      },
      pause: () => cluster.pause(role.data),
      resume: () => cluster.resume(role.data),
      isPaused: () => cluster.isPaused(role.data),
      restart: (signal) => cluster.restart(role.data, signal),
    },
  ];
}

/** The server of a backend while it serves; of several members, the one that leads. */
export function serverOf(role: BackendRole, tools: FaultTools): string | undefined {
  const backend = tools.backends().find((one) => one.role === role && one.state === 'running');
  return backend && `${backend.handle ?? ''}/${backend.startedAtMs ?? ''}`;
}

function refuseExternal(role: BackendRole, { cluster }: FaultTools): void {
  if (cluster.provider !== 'external') return;
  throw new FailureError({
    code: 'fault.notOurs',
    message: `${BACKEND_TITLES[role]} is run by others: FlashGrid can't break it.`,
    fix: 'Take the native or the Docker cluster, or a fault of gateways and workers.',
    field: 'faults',
  });
}

/** @throws FailureError what this target lacks here; which member leads may be to come: `whenLed` waits for it */
export function checkTarget(target: string, tools: FaultTools): void {
  const member = memberOf(target);
  if (member) membersOf(target, member, tools);
  else partsOf(target, tools);
}

/**
 * Resolves when one of the members leads, where the target means that one: in the middle of a failover nobody does.
 * After LEADER_LIMIT_MS, or when nobody needs it any more, it resolves without.
 */
export async function whenLed(target: string, tools: FaultTools, isOver: () => boolean): Promise<void> {
  const wanted = memberOf(target);
  if (wanted?.member !== 'leader') return;
  const endMs = performance.now() + LEADER_LIMIT_MS;
  const isLed = () => membersNow(wanted.role, tools).some(({ isLeader }) => isLeader);
  while (!isLed() && !isOver() && performance.now() < endMs) await sleep(LOOK_MS);
}

const membersNow = (role: BackendRole, tools: FaultTools) =>
  tools.backends().find((one) => one.role === role)?.members ?? [];

type WantedMember = NonNullable<ReturnType<typeof memberOf>>;

/** @throws FailureError `fault.notOurs` | `fault.notHighlyAvailable` | `fault.noTarget` */
function membersOf(
  target: string,
  { role, member }: WantedMember,
  tools: FaultTools,
): readonly MemberState[] {
  refuseExternal(role, tools);
  const all = membersNow(role, tools);
  if (all.length < 2)
    throw new FailureError({
      code: 'fault.notHighlyAvailable',
      message: `${BACKEND_TITLES[role]} has no members here: ${target} needs a highly available cluster.`,
      fix: `Start one with \`${commandLine('up --ha')}\`, or break ${role} as a whole.`,
      field: 'faults',
    });
  if (member !== 'leader' && !all.some(({ name }) => name === member))
    throw noMember(`There is no ${member}.`, all);
  return all;
}

const noMember = (message: string, all: readonly MemberState[]) =>
  new FailureError({
    code: 'fault.noTarget',
    message,
    fix: `Take one of: ${all.map(({ name }) => name).join(', ')}.`,
    field: 'faults',
  });

/** The member that a target names at this moment. */
function memberPart(target: string, wanted: WantedMember, tools: FaultTools): Part {
  const { cluster } = tools;
  const { role } = wanted;
  const members = () => membersNow(role, tools);
  const leader = () => members().find(({ isLeader }) => isLeader)?.name;
  const all = membersOf(target, wanted, tools);
  const name = wanted.member === 'leader' ? leader() : wanted.member;
  if (name === undefined) throw noMember(`Nobody leads ${BACKEND_TITLES[role]} at this moment.`, all);
  return {
    id: name,
    name,
    instance: () => members().find((one) => one.name === name && one.state === 'running')?.handle,
    kill: () => cluster.kill(role, name),
    pause: () => cluster.pause(role, name),
    resume: () => cluster.resume(role, name),
    isPaused: () => cluster.isPaused(role, name),
    restart: (signal) => cluster.restart(role, signal, name),
    ...(leader() === name ? { leader } : {}),
  };
}

/**
 * Sees who leads after a leader was hit.
 * @returns waits for at most `waitMs` until another one leads, and tells of it; nothing where no leader was hit
 */
export function watchTakeover(parts: readonly Part[]): (waitMs: number) => Promise<string> {
  const sinceMs = performance.now();
  const hit = parts.flatMap(({ id, leader }) => (leader ? [{ id, leader }] : []));
  const told = new Map<string, string>();
  const look = () => {
    for (const { id, leader } of hit) {
      const now = leader();
      if (told.has(id) || now === undefined || now === id) continue;
      told.set(id, `${now} led after ${milliseconds(performance.now() - sinceMs)}.`);
    }
  };
  const timer = setInterval(look, LOOK_MS).unref();
  return async (waitMs) => {
    const endMs = performance.now() + waitMs;
    while (told.size < hit.length && performance.now() < endMs) await sleep(LOOK_MS);
    clearInterval(timer);
    look();
    return hit.map(({ id }) => ` ${told.get(id) ?? 'Nobody else led meanwhile.'}`).join('');
  };
}

function servicesOf(target: string, { supervisor }: FaultTools): Part[] {
  const all = supervisor.states();
  const running = all.filter(({ state }) => state === 'running');
  const role = target.replace(/s$/, '');
  const ofRole = running.filter((service) => service.role === role);
  const chosen = target.includes('-')
    ? running.filter(({ id }) => id === target)
    : target === role
      ? ofRole.slice(0, 1)
      : ofRole;
  if (chosen.length === 0)
    throw new FailureError({
      code: 'fault.noTarget',
      message: `No ${target} runs that could be broken.`,
      fix: `Take one of: ${all.map(({ id }) => id).join(', ') || 'none is there'}.`,
      field: 'faults',
    });
  return chosen.map(({ id }): Part => {
    const pid = () => supervisor.states().find((one) => one.id === id && one.state === 'running')?.pid;
    return {
      id,
      name: id,
      instance: () => pid()?.toString(),
      kill: () => Promise.resolve(supervisor.kill(id)),
      pause: () => Promise.resolve(supervisor.signal(id, 'SIGSTOP')),
      resume: () => Promise.resolve(supervisor.signal(id, 'SIGCONT')),
      isPaused: () => Promise.resolve(isStopped(pid() ?? 0)),
      restart: () => supervisor.restart(id),
    };
  });
}

/** When to stop waiting for a part that has not gone away, and what to do when one has. */
interface ReturnWatch {
  isOver?(): boolean;
  onGone?(): void;
}

/** Whether none of the processes of before is left: members may be restarted in turn. */
function isOther(before: string | undefined, now: string): boolean {
  const old = before?.split(' ');
  return !now.split(' ').some((one) => old?.includes(one));
}

/** Sees each part go away and come back: the effect of whatever ends parts. */
export function watchReturn(
  parts: readonly Part[],
  { isOver, onGone }: ReturnWatch = {},
): () => Promise<Effect> {
  const sinceMs = performance.now();
  const takeover = watchTakeover(parts);
  const returns = Promise.all(
    parts.map(async (part) => {
      const before = part.instance();
      let isGone = false;
      while (performance.now() - sinceMs < EFFECT_LIMIT_MS) {
        await sleep(LOOK_MS);
        const now = part.instance();
        if (now === before) {
          if (!isGone && isOver?.()) break;
          continue;
        }
        if (!isGone) onGone?.();
        isGone = true;
        if (now !== undefined && isOther(before, now))
          return {
            isGone,
            text: `${part.name} served again after ${milliseconds(performance.now() - sinceMs)}.`,
          };
      }
      return {
        isGone,
        text: isGone
          ? `${part.name} did not come back within ${milliseconds(EFFECT_LIMIT_MS)}.`
          : `${part.name} did not end.`,
      };
    }),
  );
  return async () => {
    const all = await returns;
    // One that comes back at once may lead on; who leads is known a little later.
    const led = await takeover(TAKEOVER_LIMIT_MS);
    return {
      hadEffect: all.every(({ isGone }) => isGone),
      text: all.map(({ text }) => text).join(' ') + led,
    };
  };
}
