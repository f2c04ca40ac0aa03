/**
 * What can be broken on purpose during an attack: one descriptor for each kind of fault. The terminal's `--fault`, the form, the
 * reports and the table in docs/faults.md are made from it. How one is written: fault-syntax.ts.
 */
import { BACKEND_TITLES, backendRoleSchema, type BackendRole } from './backends.ts';
import { STOP_POINT_IDS } from '../services/shared/stop-points.ts';
import { LINKS, LINK_NAMES } from './links.ts';

/** Most ms of a moment or a length. */
export const MAX_FAULT_MS = 3_600_000;

/** A service of that role, all of them, or one by its id: `worker`, `workers`, `worker-2`. */
const SERVICES = ['gateway', 'worker', 'gateways', 'workers'] as const;
const BACKENDS = backendRoleSchema.options;

/** The member of a backend that leads at the moment of the fault. */
const LEADERS = {
  'rabbitmq-leader': { role: 'rabbitmq', title: "RabbitMQ's leader" },
  'redis-primary': { role: 'redis', title: "Redis' primary" },
  'postgres-primary': { role: 'postgres', title: "Postgres' primary" },
} as const satisfies Readonly<Record<string, { readonly role: BackendRole; readonly title: string }>>;
/** A member may be given by its name, too: `rabbitmq-2`. */
export const LEADER_TARGETS = Object.keys(LEADERS);

/** The member that a target names, as `Cluster.kill` takes it; `undefined` for any other target. */
export function memberOf(
  target: string,
): { readonly role: BackendRole; readonly member: string } | undefined {
  if (Object.hasOwn(LEADERS, target))
    return { role: LEADERS[target as keyof typeof LEADERS].role, member: 'leader' };
  const role = backendRoleSchema.safeParse(/^([a-z]+)-[1-9]$/.exec(target)?.[1]);
  return role.success ? { role: role.data, member: target } : undefined;
}

export type FaultValue = { readonly what: string } & (
  | { readonly unit: string; readonly min: number; readonly max: number; readonly default: number }
  | { readonly choices: readonly string[]; readonly default: string }
);

interface FaultKindSpec {
  /** An order: `Kill`. */
  readonly title: string;
  /** What was done to the target, for marks and notes: `worker-1 killed`. */
  readonly done: string;
  readonly targets: readonly string[];
  /** What it hits beside that in a highly available cluster. */
  readonly members?: readonly string[];
  /** What can be set of it: a whole number in a range, or one of several words. */
  readonly value?: FaultValue;
  /** ms that it lasts when no length is given; a kind without it is over at once. */
  readonly lastsMs?: number;
  /** What it does, as a sentence. */
  readonly help: string;
}

export const FAULTS = {
  kill: {
    title: 'Kill',
    done: 'killed',
    targets: [...SERVICES, ...BACKENDS],
    members: LEADER_TARGETS,
    help: 'Ends the process at once (SIGKILL), as a crash would. It is started again by itself.',
  },
  pause: {
    title: 'Pause',
    done: 'paused',
    targets: [...SERVICES, ...BACKENDS],
    members: LEADER_TARGETS,
    lastsMs: 2_000,
    help: 'Stops the process and all its children (SIGSTOP) and lets them go on afterwards. Connections stay open.',
  },
  restart: {
    title: 'Restart',
    done: 'restarted',
    targets: [...SERVICES, ...BACKENDS],
    members: LEADER_TARGETS,
    help: 'Asks the process to end, waits, and starts it again, as an upgrade would.',
  },
  die: {
    title: 'Die at a step',
    done: 'dies at a step',
    targets: STOP_POINT_IDS,
    lastsMs: 10_000,
    help: 'The first gateway or worker that runs ends itself when it gets to that step, within the length.',
  },
  halt: {
    title: 'Halt at a step',
    done: 'halts at a step',
    targets: STOP_POINT_IDS,
    lastsMs: 2_000,
    help: 'The first gateway or worker that runs stands still for the length when it gets to that step, at most 5 s after the length.',
  },
  freeze: {
    title: 'Freeze',
    done: 'frozen',
    targets: ['machine'],
    lastsMs: 20_000,
    help: 'Everything stands still at once, load generators and control centre too, as when a laptop is closed.',
  },
  clock: {
    title: 'Move the clock',
    done: 'had a wrong clock',
    targets: SERVICES,
    value: { what: 'time ahead', unit: 's', min: -86_400, max: 86_400, default: 300 },
    lastsMs: 2_000,
    help: 'The process has another time of day than the rest, ahead or (below 0) behind, until its clock is put right.',
  },
  flush: {
    title: 'Flush',
    done: 'flushed',
    targets: ['redis'],
    help: 'Deletes all keys of Redis (FLUSHALL), which goes on serving.',
  },
  lose: {
    title: 'Lose data',
    done: 'lost its data',
    targets: ['redis'],
    help: 'Removes the append-only file of Redis and kills it: it comes back empty.',
  },
  'set-back': {
    title: 'Set back',
    done: 'set back',
    targets: ['redis'],
    lastsMs: 1_000,
    help: 'Copies the append-only file of Redis at the moment, and after the length kills Redis and lets it come back with that copy.',
  },
  'disk-alarm': {
    title: 'Disk alarm',
    done: 'in disk alarm',
    targets: ['rabbitmq'],
    lastsMs: 2_000,
    help: 'RabbitMQ holds all publishers, as when its disk is almost full.',
  },
  'memory-alarm': {
    title: 'Memory alarm',
    done: 'in memory alarm',
    targets: ['rabbitmq'],
    lastsMs: 2_000,
    help: 'RabbitMQ holds all publishers, as when it needs too much memory.',
  },
  'full-queue': {
    title: 'Full queue',
    done: 'had a full queue',
    targets: ['rabbitmq'],
    lastsMs: 2_000,
    help: 'The workers stand still, and the queue takes 8 frames and refuses all others, as one that is full.',
  },
  'no-queue': {
    title: 'Delete the queue',
    done: 'lost its queue',
    targets: ['rabbitmq'],
    help: 'Holds the gateways until the queue of frames is empty, and deletes the queue.',
  },
  'read-only': {
    title: 'Read-only',
    done: 'read-only',
    targets: ['postgres'],
    lastsMs: 2_000,
    help: 'Postgres takes no writes (default_transaction_read_only).',
  },
  'no-connections': {
    title: 'Out of connections',
    done: 'out of connections',
    targets: ['postgres'],
    lastsMs: 2_000,
    help: 'Takes every connection of Postgres, and ends those of the services.',
  },
  'disk-full': {
    title: 'Full disk',
    done: 'had a full disk',
    targets: ['postgres'],
    help: 'No file of Postgres may grow (a limit on its processes, no disk is filled): it stops at its next commit and is started again. Linux only.',
  },
  duplicate: {
    title: 'Deliver twice',
    done: 'delivered twice',
    targets: ['frames'],
    lastsMs: 2_000,
    help: 'Frames come once more as a new message, and are handed out again, too.',
  },
  resend: {
    title: 'Send again',
    done: 'sent again',
    targets: ['frames'],
    lastsMs: 2_000,
    help: 'Frames come once more under another id, as from buyers who send one reservation twice: of requests with keys only.',
  },
  reorder: {
    title: 'Reorder',
    done: 'reordered',
    targets: ['frames'],
    lastsMs: 2_000,
    help: 'Frames are put behind all others, the last first.',
  },
  hold: {
    title: 'Hold back',
    done: 'held back',
    targets: ['frames'],
    lastsMs: 2_000,
    help: 'Up to 64 frames are handed out late, after the length.',
  },
  late: {
    title: 'Deliver too late',
    done: 'delivered too late',
    targets: ['frames'],
    lastsMs: 2_000,
    help: 'Up to 64 frames are handed out again after the length, as if 20 minutes had passed: Redis has forgotten what they got.',
  },
  corrupt: {
    title: 'Corrupt',
    done: 'corrupted',
    targets: ['frames'],
    lastsMs: 1_000,
    help: 'A spoiled copy of frames is sent beside them. The engine must set it aside as a dead letter; the fault then removes it.',
  },
  cut: {
    title: 'Cut',
    done: 'cut',
    targets: LINK_NAMES,
    lastsMs: 2_000,
    help: 'Ends every connection of a link, and each new one at once.',
  },
  reset: {
    title: 'Reset',
    done: 'reset',
    targets: LINK_NAMES,
    lastsMs: 2_000,
    help: 'Resets every connection of a link, and each new one at its first answer.',
  },
  delay: {
    title: 'Delay',
    done: 'delayed',
    targets: LINK_NAMES,
    value: { what: 'delay', unit: 'ms', min: 1, max: 60_000, default: 200 },
    lastsMs: 2_000,
    help: 'Every piece arrives later, both ways.',
  },
  jitter: {
    title: 'Jitter',
    done: 'jittered',
    targets: LINK_NAMES,
    value: { what: 'most delay', unit: 'ms', min: 1, max: 60_000, default: 200 },
    lastsMs: 2_000,
    help: 'Every piece arrives later by a random time up to this one; the order is kept, as TCP does.',
  },
  throttle: {
    title: 'Throttle',
    done: 'throttled',
    targets: LINK_NAMES,
    value: { what: 'rate', unit: 'bytes/s', min: 100, max: 1_000_000_000, default: 50_000 },
    lastsMs: 2_000,
    help: 'All connections of a link share this rate, each way by itself.',
  },
  'half-open': {
    title: 'Half-open',
    done: 'half-open',
    targets: LINK_NAMES,
    value: { what: 'swallowed direction', choices: ['requests', 'answers', 'both'], default: 'both' },
    lastsMs: 2_000,
    help: 'Swallows one direction or both, and keeps the sockets open. A connection with a hole stays silent for good.',
  },
  partition: {
    title: 'Partition',
    done: 'cut off from the others',
    targets: [],
    members: LEADER_TARGETS,
    lastsMs: 20_000,
    help: 'Cuts the one that leads off from the other members; it lives on, with the clients that it has.',
  },
} as const satisfies Readonly<Record<string, FaultKindSpec>>;

export type FaultKind = keyof typeof FAULTS;
export const FAULT_KINDS = Object.keys(FAULTS) as FaultKind[];

/** The descriptor of a kind, as all kinds have it. */
export const faultKind = (kind: FaultKind): FaultKindSpec => FAULTS[kind];

/** All targets that the table names for a kind, on any cluster. */
export function allTargets(kind: FaultKind): readonly string[] {
  const { targets, members = [] } = faultKind(kind);
  return [...targets, ...members];
}

/** Those to try on such a cluster: members, where there are any, in the place of whole backends. */
export function targetsOn(kind: FaultKind, highlyAvailable: boolean): readonly string[] {
  const { targets, members } = faultKind(kind);
  if (!highlyAvailable || !members) return targets;
  return [...targets.filter((target) => !backendRoleSchema.safeParse(target).success), ...members];
}

/** Kinds that have a target on such a cluster. */
export const kindsOn = (highlyAvailable: boolean): FaultKind[] =>
  FAULT_KINDS.filter((kind) => targetsOn(kind, highlyAvailable).length > 0);

/** The value in its usual form, `undefined` where the kind has none, `null` for one that is not allowed. */
export function valueOf(kind: FaultKind, given: string | undefined): string | undefined | null {
  const { value } = faultKind(kind);
  if (value === undefined) return given === undefined ? undefined : null;
  if (given === undefined) return String(value.default);
  if ('choices' in value) return value.choices.includes(given) ? given : null;
  const [, figure, unit = ''] = /^([+-]?\d+)(\D*)$/.exec(given) ?? [];
  const number = Number(figure);
  const isAllowed = number >= value.min && number <= value.max && (unit === '' || unit === value.unit);
  return isAllowed ? String(number) : null;
}

/** What a kind takes as its value, for people. */
export function valueText(kind: FaultKind): string {
  const { value } = faultKind(kind);
  if (value === undefined) return 'no value';
  if ('choices' in value) return `${value.what}: ${value.choices.join(', ')} (default ${value.default})`;
  return `${value.what} in ${value.unit}: ${value.min} to ${value.max} (default ${value.default})`;
}

/** `worker-2` stands for one of the role `worker`, `worker-2.after-lua` for a step of that one, `redis-2` for a member. */
export function isTarget(kind: FaultKind, target: string): boolean {
  const { targets, members } = faultKind(kind);
  if (targets.includes(target)) return true;
  if (memberOf(target)) return members !== undefined;
  const [, role, step = ''] = /^(gateway|worker)-[1-9]\d?(\.[a-z-]+)?$/.exec(target) ?? [];
  return role !== undefined && targets.includes(role + step);
}

const NAMES = new Map<string, string>([
  ...Object.entries(BACKEND_TITLES),
  ...Object.entries({ ...LINKS, ...LEADERS }).map(([name, { title }]) => [name, title] as const),
]);

/** As people read it: `Redis`, `worker-1, worker-2`. */
export function targetTitle(target: string): string {
  return target
    .split(', ')
    .map((one) => NAMES.get(one) ?? one)
    .join(', ');
}
