/** The record of one run: what `--json` writes, what the history keeps and what every export is made from. */
import { z } from 'zod';
import { runProviderSchema } from './backends.ts';
import { attackSettingsSchema } from './attack-settings.ts';
import { CHECK_IDS } from './checks.ts';
import { designIdSchema } from './designs.ts';
import { attackedSchema } from './target.ts';
import { witnessSchema } from './witness.ts';

const count = z.number().int().nonnegative();

export const verdictSchema = z.enum(['pass', 'fail', 'invalid']);
export type Verdict = z.infer<typeof verdictSchema>;

export const checkSchema = z.object({
  id: z.enum(CHECK_IDS),
  /** What the check proves, as a sentence. */
  title: z.string(),
  ok: z.boolean(),
  /** Undecided: something that it needs had no outcome when the audit's time was over. `ok` is false. */
  isOpen: z.boolean().optional(),
  /** The adapter of a shop that is not ours has no data for it: neither passed nor failed. `ok` is false. */
  isNotJudged: z.boolean().optional(),
  evidence: z.object({
    /** What was found, as a sentence with figures. */
    summary: z.string(),
    counts: z.record(z.string(), z.number()),
    /** The first offenders (at most 10): reservation ids, user ids or unit numbers. */
    offenders: z.array(z.string()).max(10),
    /** Of a failed check: the few events that contradict each other. Records of earlier versions have none. */
    witness: witnessSchema.optional(),
  }),
});
export type Check = z.infer<typeof checkSchema>;

export const latencySchema = z.object({
  p50: z.number(),
  p90: z.number(),
  p99: z.number(),
  p999: z.number(),
  /** Records of earlier versions have none. */
  p9999: z.number().optional(),
  max: z.number(),
  mean: z.number(),
});

/** Outcomes of an answer, as the load generator sees them; `answered` is accepted and rejected together. */
export const LATENCY_OUTCOMES = ['answered', 'accepted', 'rejected', 'unknown'] as const;
/** From when a latency counts: when the request should have left, under a rate; or when it did. */
export const LATENCY_STARTS = ['intended', 'sent'] as const;

export const latencyDetailSchema = z.object({
  outcome: z.enum(LATENCY_OUTCOMES),
  from: z.enum(LATENCY_STARTS),
  count,
  meanMs: z.number().nonnegative(),
  /** Percent and ms, ascending; the last one is the slowest answer. */
  percentiles: z.array(z.tuple([z.number(), z.number()])).max(64),
});
export type LatencyDetail = z.infer<typeof latencyDetailSchema>;

/** How many answers took how long, over time. */
export const latencyHeatSchema = z.object({
  /** ms up to which a row counts; one more row has what took longer. */
  edgesMs: z.array(z.number()).max(64),
  /** `tMs` is the end of the interval; a count for each row, from the quickest. */
  columns: z.array(z.object({ tMs: z.number(), counts: z.array(count).max(65) })).max(200),
});
export type LatencyHeat = z.infer<typeof latencyHeatSchema>;

const share = z.number().nonnegative();

/** What the machine did from the first request to the last answer. */
export const machineHealthSchema = z.object({
  /** Of each core, the share of time that it was busy: over the attack, and in its busiest half second. */
  cores: z.array(z.object({ busy: share, most: share })).max(4096),
  /** Share of the cores' time that the hypervisor gave to other machines; missing where the system does not tell. */
  stealShare: share.optional(),
  /**
   * CPU time of programs that belong neither to FlashGrid nor to the system under test, as a number of cores; missing where
   * they can't be told apart.
   */
  otherCores: share.optional(),
  /** The busiest of them. */
  others: z
    .array(z.object({ name: z.string(), cores: share }))
    .max(3)
    .optional(),
});
export type MachineHealth = z.infer<typeof machineHealthSchema>;

export const loadSchema = z.object({
  sent: count,
  /** Accepted: answered 202. */
  accepted: count,
  /** Rejected by the gateway, which published nothing: 4xx, or a 503 that says so. */
  rejected: count,
  /** Timed out, reset, or a 503 `unconfirmed`. The audit looks up what became of them. */
  unknown: count,
  /** Requests that were not sent, since no gateway answered any more or the time was over. */
  unsent: count.optional(),
  /** Requests that were not accepted, by cause (attack/answer-cause.ts); records of earlier versions have none. */
  causes: z.record(z.string(), count).optional(),
  /** No gateway answered any more, and the rest was not sent. */
  gaveUp: z.object({ silentMs: z.number().nonnegative(), cause: z.string() }).optional(),
  /** Under a rate: why the system under test did not keep up; missing when it did. */
  systemLimit: z.string().optional(),
  /** Answers a second, from the first request to the last response, by our own clock. */
  rps: z.number().nonnegative(),
  durationMs: z.number().nonnegative(),
  /** Under a rate: counted from the intended send time. */
  latencyMs: latencySchema,
  /** By outcome and start, of those that had answers; under a burst from the sending alone. Records of earlier versions have none. */
  latencies: z.array(latencyDetailSchema).max(8).optional(),
  /** ms after the first request: when each connection had sent one, and the last request. Records of earlier versions have none. */
  sending: z.object({ firstWaveMs: z.number().nonnegative(), lastMs: z.number().nonnegative() }).optional(),
  /** Answers by HTTP status. */
  statusCounts: z.record(z.string(), count),
  generator: z.object({
    processes: count,
    /** Longest delay of the generators' event loops, in ms. */
    eventLoopLagMaxMs: z.number().nonnegative(),
    eventLoopLagP99Ms: z.number().nonnegative(),
    /** Share of one core that the busiest generator used, 0..1. */
    cpuShare: z.number().nonnegative(),
    /** Under a rate: requests sent in time / requests asked for. 1 for a burst. */
    rateReached: z.number().nonnegative(),
    /** Of each generator process; records of earlier versions have none. */
    each: z
      .array(z.object({ cpuShare: share, eventLoopLagP99Ms: share, eventLoopLagMaxMs: share }))
      .max(64)
      .optional(),
    /** Missing where the attack was too short to tell, and in records of earlier versions. */
    machine: machineHealthSchema.optional(),
    /** Why the generator or its machine was the limit; empty when it was not. */
    limits: z.array(z.string()),
  }),
});
export type Load = z.infer<typeof loadSchema>;

/** What was promised, and what came of it. */
const promises = {
  stock: count,
  /** Units in Postgres. */
  sold: count,
  granted: count,
  refused: count,
  pending: count,
  lost: count,
  duplicated: count,
  oversold: count,
  undersold: count,
};

export const auditSchema = z.object({
  ...promises,
  /** Requests without an answer whose fate the audit found. */
  unknownResolved: count,
  /** Refusals whose record Redis had lost: known from what the workers published. */
  fromPublished: count.optional(),
  /** Of them, those that own a ticket. */
  unknownGranted: count.optional(),
  /** Whether the sale was closed before the audit's last look, so that nothing can be sold after it. */
  isSaleClosed: z.boolean().optional(),
  /** Why something stayed undecided: the part that was missing. */
  undecided: z.array(z.string()).optional(),
  drainMs: z.number().nonnegative(),
  checks: z.array(checkSchema),
  /** Of an attack on several sales, all of which were judged: the figures above are those of all together. */
  sales: z
    .object({
      count,
      /** Sales of which a check does not hold. */
      broken: count,
      /** Sales that Redis had lost and that nobody had asked for: there was nothing to judge. */
      unasked: count,
      /** The one with the most failed checks and broken promises; of those alike, the one with the most requests. */
      worst: z.object({
        id: z.string(),
        requests: count,
        ...promises,
        failed: z.array(z.enum(CHECK_IDS)),
      }),
    })
    .optional(),
});
export type Audit = z.infer<typeof auditSchema>;

/**
 * One interval of the run. Counts are of this interval, so that a column adds up to the run's total; `queueDepth` and
 * `unconfirmed` are the highest values within it, `remaining` is the value at its end.
 */
export const sampleSchema = z.object({
  /** ms since the first request was sent; the end of the interval. */
  tMs: z.number(),
  sent: count,
  accepted: count,
  rejected: count,
  unknown: count,
  /** Answers a second in this interval. */
  rps: z.number().nonnegative(),
  p50Ms: z.number().nonnegative(),
  p99Ms: z.number().nonnegative(),
  /** Reservations confirmed by the broker and not yet decided. */
  queueDepth: count,
  /** Reservations in the gateways that wait for a confirm. */
  unconfirmed: count,
  /** Units left; null while Redis, which counts them, could not tell. */
  remaining: count.nullable(),
  /** Reservations granted in this interval. */
  granted: count,
  /** Reservations that the worker refused in this interval. */
  refused: count,
  /** Tickets committed to Postgres in this interval. */
  committed: count,
});
export type Sample = z.infer<typeof sampleSchema>;

export const environmentSchema = z.object({
  flashgrid: z.string(),
  node: z.string(),
  os: z.string(),
  cpu: z.string(),
  cores: count,
  memoryBytes: count,
  /** `none` where no cluster was attacked, but a shop that is not ours. */
  provider: runProviderSchema,
  /** Whether each backend had several members; missing in records of earlier versions. */
  highlyAvailable: z.boolean().optional(),
  backends: z.object({ rabbitmq: z.string(), redis: z.string(), postgres: z.string() }),
  /** Of the source that was built; missing where it is not known, as the two limits are where there is none. */
  commit: z.string().optional(),
  /** Files that a process may have open. */
  openFiles: count.optional(),
  /** Bytes that a container or a service manager allows. */
  memoryLimitBytes: count.optional(),
  gateways: count,
  workers: count,
});
export type Environment = z.infer<typeof environmentSchema>;

/** Something that happened to a part during a run, and that explains its numbers. */
export const incidentSchema = z.object({
  /** ms since the first request. */
  tMs: z.number(),
  /** `machine`, `generator`, `control`, `sale`, or the id of a service or backend: `gateway-1`, `redis`. */
  part: z.string(),
  kind: z.enum(['paused', 'ended', 'back', 'failed', 'rebuilt', 'notClosed', 'gaveUp']),
  lengthMs: z.number().nonnegative().optional(),
  /** What happened, as a sentence. */
  text: z.string(),
});
export type Incident = z.infer<typeof incidentSchema>;

/** A fault that the attack made on purpose, and what came of it. */
export const faultOutcomeSchema = z.object({
  /** As it was asked for: `kill:workers@25%` (contract/fault-syntax.ts). */
  fault: z.string(),
  /** What it hit: `worker-1, worker-2`. */
  target: z.string(),
  /** ms since the first request; missing when it never took place. */
  tMs: z.number().optional(),
  /** When it was over, of one that lasts. */
  endMs: z.number().optional(),
  /** What it did, with figures, or why it did nothing: a sentence. */
  effect: z.string(),
  /** A run with a fault that had no effect proves nothing about that fault: it is invalid. */
  hadEffect: z.boolean(),
});
export type FaultOutcome = z.infer<typeof faultOutcomeSchema>;

/** A word that people give runs, to find them by. */
export const tagSchema = z
  .string()
  .regex(
    /^[\p{L}\p{N}][\p{L}\p{N}._:/-]{0,39}$/u,
    'a tag is one word of up to 40 letters, digits and . _ : / -',
  );

/** What people wrote beside a run; everything else in a record is as the run left it. */
export const labelsSchema = z.strictObject({
  tags: z.array(tagSchema).max(20).optional(),
  note: z.string().max(2_000).optional(),
  /** Never dropped to make room for newer runs. */
  isPinned: z.boolean().optional(),
});
export type RunLabels = z.infer<typeof labelsSchema>;

/** What repeated runs have in common; stands in the place of a run's id. */
export const groupSchema = z.string().regex(/^group-[a-z0-9-]{1,40}$/);

/** Raised when older versions could not read what a newer one writes; `upgradeRunRecord` then learns the step. */
export const RECORD_FORMAT = 2;

export const runRecordSchema = z.object({
  schema: z.literal(`flashgrid.run/${RECORD_FORMAT}`),
  id: z.string(),
  startedAt: z.string(),
  /** Moment 0 of the series, as an ISO date; records of earlier versions have none. */
  firstRequestAt: z.string().optional(),
  finishedAt: z.string(),
  verdict: verdictSchema,
  /**
   * `cancelled` or `failed` for a run without an audit; its numbers are those until then, and its verdict is `invalid`.
   * Missing in records of earlier versions, which all have an audit.
   */
  end: z.enum(['finished', 'cancelled', 'failed']).optional(),
  /** 0 pass, 3 audit failed, 4 threshold missed, 5 run invalid, 6 undecided for want of a part, 130 cancelled. */
  exitCode: z.number().int(),
  /** Why the verdict is not `pass`; empty when it is. */
  reasons: z.array(z.string()),
  /** No verdict on the speed is given. Missing where it is, and in records of earlier versions. */
  speed: z
    .object({
      /** Why: the load generator or its machine was the limit. */
      withheld: z.array(z.string()),
      /** Thresholds on speed that were not judged for it. */
      notJudged: z.array(z.string()),
    })
    .optional(),
  saleId: z.string(),
  /** Of runs that `--repeat` made together. Records of earlier versions have none. */
  group: groupSchema.optional(),
  labels: labelsSchema.optional(),
  /** The shop that was attacked, where it is not FlashGrid's own. */
  target: attackedSchema.optional(),
  attack: attackSettingsSchema,
  /** In the order of time, those that never took place last; missing when none was asked for. */
  faults: z.array(faultOutcomeSchema).optional(),
  load: loadSchema,
  audit: auditSchema,
  /** The longest delay of each part's event loop, in ms, by its own clock: `generator`, `control`, `gateway-1`. */
  clocks: z.record(z.string(), z.number().nonnegative()).optional(),
  /**
   * Root of the Merkle tree over the evidence (docs/evidence.md), 64 hexadecimal digits; missing where it could not be kept, and in records
   * of earlier versions.
   */
  evidenceRoot: z.string().optional(),
  /** SHA-256 of the buyers in the order in which they were sent: the same for every attack with the same arrivals. */
  arrivals: z.string().optional(),
  /** A kept run of the lab with as many requests, connections and units on the same machine, of a design without a queue. */
  withoutQueue: z
    .object({
      runId: z.string(),
      design: designIdSchema,
      sent: count,
      /** Neither accepted nor told that all is sold. */
      failed: count,
    })
    .optional(),
  /** How often the engine took each rare path (services/shared/rare-paths.ts); records of earlier versions have none. */
  coverage: z.record(z.string(), count).optional(),
  /** From the intended send time under a rate, as the series; records of earlier versions have none. */
  latencyHeat: latencyHeatSchema.optional(),
  /** In the order of time; records of earlier versions have none. */
  incidents: z.array(incidentSchema).optional(),
  environment: environmentSchema,
  series: z.array(sampleSchema),
});
export type RunRecord = z.infer<typeof runRecordSchema>;

/** Keys of format 1, and their names in format 2, by the place where they stand. */
const RENAMED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  load: { acknowledged: 'accepted', refused: 'rejected' },
  series: { acknowledged: 'accepted', refused: 'rejected', refusedByWorker: 'refused' },
  environment: { engines: 'backends' },
};

/** A record of an older format in today's; anything else comes back as it is, for the schema to judge. */
export function upgradeRunRecord(json: unknown): unknown {
  if (!isObject(json)) return json;
  const record = json['schema'] === 'flashgrid.run/1' ? renamedRecord(json) : json;
  const { workersKilledAtMs: tMs, ...rest } = record;
  const { attack } = rest;
  if (!isObject(attack) || !('killWorkersAtPercent' in attack)) return rest;
  // The first versions knew one fault, and had fields of their own for it.
  const { killWorkersAtPercent, ...settings } = attack;
  const fault = `kill:workers@${String(killWorkersAtPercent)}%`;
  const effect = tMs === undefined ? 'It did not take place.' : 'The workers were killed.';
  const outcome = { fault, target: 'workers', tMs, effect, hadEffect: tMs !== undefined };
  return { ...rest, attack: { ...settings, faults: fault }, faults: [outcome] };
}

function renamedRecord(record: Record<string, unknown>): Record<string, unknown> {
  const renamed = (value: unknown, names: Readonly<Record<string, string>>): unknown => {
    if (Array.isArray(value)) return value.map((one) => renamed(one, names));
    if (!isObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [names[key] ?? key, one]));
  };
  return {
    ...Object.fromEntries(
      Object.entries(record).map(([key, value]) => [key, renamed(value, RENAMED[key] ?? {})]),
    ),
    schema: `flashgrid.run/${RECORD_FORMAT}`,
  };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
