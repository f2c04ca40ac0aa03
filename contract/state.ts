/** What the control centre knows and shows: cluster, services, flow, dead letters, attack, runs, logs, findings, and all of it at once. */
import { z } from 'zod';
import { saleViewSchema } from '../services/shared/sales.ts';
import { attackSettingsSchema } from './attack-settings.ts';
import { failureSchema } from './failure.ts';
import { campaignStateSchema } from './campaign.ts';
import { labStateSchema } from './lab.ts';
import { matrixStateSchema } from './matrix.ts';
import {
  backendStateSchema,
  backendStatsSchema,
  providerSchema,
  runProviderSchema,
  stepSchema,
} from './backends.ts';
import {
  auditSchema,
  faultOutcomeSchema,
  incidentSchema,
  loadSchema,
  runRecordSchema,
  sampleSchema,
  verdictSchema,
} from './run-record.ts';
import { settingsSchema } from './settings.ts';
import { attackedSchema } from './target.ts';

const count = z.number().int().nonnegative();

// ── Cluster and services ────────────────────────────────────────────────────────────────────────────────────

export const clusterStateSchema = z.object({
  state: z.enum(['stopped', 'starting', 'running', 'stopping', 'failed']),
  provider: providerSchema.optional(),
  /** Why this provider was chosen. */
  reason: z.string().optional(),
  /** Whether it was started to survive the end of any one member. */
  highlyAvailable: z.boolean().optional(),
  /** The one address of all gateways, where something stands before them. */
  buyersUrl: z.string().optional(),
  steps: z.array(stepSchema),
  backends: z.array(backendStateSchema),
  failure: failureSchema.optional(),
  startedAtMs: z.number().optional(),
  /** Of the last start, in ms. */
  startDurationMs: z.number().optional(),
});
export type ClusterState = z.infer<typeof clusterStateSchema>;

export const serviceRoleSchema = z.enum(['gateway', 'worker']);
export type ServiceRole = z.infer<typeof serviceRoleSchema>;

export const serviceStateSchema = z.object({
  /** `gateway-1`. */
  id: z.string(),
  role: serviceRoleSchema,
  state: z.enum(['starting', 'running', 'restarting', 'stopping', 'stopped', 'failed']),
  pid: z.number().int().optional(),
  port: z.number().int().optional(),
  startedAtMs: z.number().optional(),
  restarts: count,
  detail: z.string().optional(),
});
export type ServiceState = z.infer<typeof serviceStateSchema>;

export const partStatsSchema = z.union([
  backendStatsSchema,
  z.object({
    serviceId: z.string(),
    role: serviceRoleSchema,
    atMs: z.number(),
    cpuPercent: z.number(),
    memoryBytes: z.number(),
    eventLoopLagMs: z.number(),
  }),
]);
export type PartStats = z.infer<typeof partStatsSchema>;

// ── Flow: what goes through the pipeline now ────────────────────────────────────────────────────────────────

/** One moment of the pipeline: ten samples a second, sent in batches. Rates are per second over the last interval. */
export const flowSampleSchema = z.object({
  atMs: z.number(),
  acceptedPerSec: z.number().nonnegative(),
  framesPerSec: z.number().nonnegative(),
  decidedPerSec: z.number().nonnegative(),
  grantedPerSec: z.number().nonnegative(),
  committedPerSec: z.number().nonnegative(),
  /** Rejected by the gateway: 4xx, 503. */
  rejectedPerSec: z.number().nonnegative(),
  /** Queue depth, and reservations without a confirm: the highest values since the sample before. */
  queueDepth: count,
  unconfirmed: count,
  /** Frames in the dead-letter queue. */
  deadLettered: count,
  /** Share of decided reservations that needed no write to Postgres, 0..1, since the services started. */
  filteredShare: z.number().min(0).max(1),
});
export type FlowSample = z.infer<typeof flowSampleSchema>;

// ── Dead letters ────────────────────────────────────────────────────────────────────────────────────────────

/** A frame that could not be decided. */
export const deadFrameSchema = z.object({
  /** The frame's id; for a message without one, `unnamed-` and a digest of its body. */
  id: z.string(),
  saleId: z.string().optional(),
  reservations: count.optional(),
  /** When the gateway closed the frame. */
  closedAtMs: z.number().optional(),
  /** When it was dead-lettered. */
  diedAtMs: z.number().optional(),
  reason: z.string(),
  /** False for a frame that can never be decided. */
  canReplay: z.boolean(),
});
export type DeadFrame = z.infer<typeof deadFrameSchema>;

// ── Attack and runs ─────────────────────────────────────────────────────────────────────────────────────────

export const attackStateSchema = z.object({
  runId: z.string(),
  saleId: z.string(),
  phase: z.enum(['preparing', 'attacking', 'draining', 'auditing', 'finished', 'failed', 'cancelled']),
  settings: attackSettingsSchema,
  /** The shop that is attacked, where it is not FlashGrid's own. */
  target: attackedSchema.optional(),
  startedAtMs: z.number(),
  /** Time 0 of the samples, in ms since 1970; missing until the first request is sent. */
  firstRequestAtMs: z.number().optional(),
  /** What was broken on purpose so far. */
  faults: z.array(faultOutcomeSchema).optional(),
  /** Share of the requests that are answered, 0..1. */
  progress: z.number().min(0).max(1),
  /** Running totals. */
  sent: count,
  accepted: count,
  rejected: count,
  unknown: count,
  granted: count,
  remaining: count,
  load: loadSchema.optional(),
  audit: auditSchema.optional(),
  verdict: verdictSchema.optional(),
  exitCode: count.optional(),
  incidents: z.array(incidentSchema).optional(),
  /** At the end: the rare paths that the engine took. */
  coverage: z.record(z.string(), count).optional(),
  /** At the end: why the queue mattered, as a sentence of figures; missing where nothing waited. */
  queueWorth: z.string().optional(),
  /** Of a run that is over; missing where a verdict on its speed is given. */
  speed: runRecordSchema.shape.speed,
  reasons: z.array(z.string()),
  failure: failureSchema.optional(),
});
export type AttackState = z.infer<typeof attackStateSchema>;

export const runSummarySchema = z.object({
  id: z.string(),
  startedAt: z.string(),
  title: z.string(),
  verdict: verdictSchema,
  /** Missing in runs of earlier versions. */
  end: runRecordSchema.shape.end,
  exitCode: count.optional(),
  group: runRecordSchema.shape.group,
  labels: runRecordSchema.shape.labels,
  /** Whether later runs are compared with it. */
  isBaseline: z.boolean().optional(),
  saleId: z.string().optional(),
  /** The terminal's options that ask for its attack. */
  settings: z.string().optional(),
  provider: runProviderSchema,
  requests: count,
  connections: count,
  stock: count,
  sold: count,
  /** Rate and latencies do not measure the system. */
  isSpeedWithheld: z.boolean().optional(),
  rps: z.number(),
  p50Ms: z.number(),
  /** Missing in runs of earlier versions. */
  p95Ms: z.number().optional(),
  p99Ms: z.number(),
});
export type RunSummary = z.infer<typeof runSummarySchema>;

// ── Logs and doctor ─────────────────────────────────────────────────────────────────────────────────────────

export const logLevelSchema = z.enum(['debug', 'info', 'warn', 'error']);
export const logLineSchema = z.object({
  seq: count,
  atMs: z.number(),
  part: z.string(),
  level: logLevelSchema,
  text: z.string(),
});
export type LogEntry = z.infer<typeof logLineSchema>;
/** A line before the log store numbers it; its `part` is `rabbitmq`, `gateway-1`, `control`… */
export type LogLine = Omit<LogEntry, 'seq'>;

export const findingSchema = z.object({
  id: z.string(),
  title: z.string(),
  status: z.enum(['ok', 'warning', 'missing']),
  version: z.string().optional(),
  path: z.string().optional(),
  detail: z.string(),
  /** What to do; only when the status is not ok. */
  fix: z.string().optional(),
});
export type Finding = z.infer<typeof findingSchema>;

export const diagnosisSchema = z.object({
  findings: z.array(findingSchema),
  /** Whether a provider has all it needs: containers, or the three backends on this machine. */
  canStart: z.boolean(),
  /** Ids of the findings to show before the first start, without those of a provider that is not needed. */
  concerns: z.array(z.string()),
});
export type Diagnosis = z.infer<typeof diagnosisSchema>;

// ── App ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** A problem with saved files, shown on every page. */
export const noticeSchema = z.object({
  id: z.enum(['settings', 'runs']),
  message: z.string(),
  fix: z.string(),
});
export type Notice = z.infer<typeof noticeSchema>;

export const appInfoSchema = z.object({
  version: z.string(),
  node: z.string(),
  platform: z.string(),
  dataDir: z.string(),
  /** Whether a desktop can show the data folder. */
  canOpenDataDir: z.boolean().optional(),
  pid: count,
});

/** Address and token for a browser on this machine. */
export const accessSchema = z.object({
  /** Contains the token. */
  url: z.string(),
  token: z.string(),
});
export type Access = z.infer<typeof accessSchema>;

/** The state that a frontend shows. `seq` grows with every event; an event with a smaller one is older. */
export const snapshotSchema = z.object({
  seq: count,
  app: appInfoSchema,
  settings: settingsSchema,
  cluster: clusterStateSchema,
  services: z.array(serviceStateSchema),
  stats: z.array(partStatsSchema),
  flow: z.array(flowSampleSchema),
  /** The newest ones. */
  sales: z.array(saleViewSchema),
  salesTotal: count.optional(),
  notices: z.array(noticeSchema).optional(),
  attack: attackStateSchema.optional(),
  /** Missing from a FlashGrid that has none. */
  matrix: matrixStateSchema.optional(),
  lab: labStateSchema.optional(),
  campaign: campaignStateSchema.optional(),
  /** The attack's samples so far; in a long attack, neighbours are merged. */
  samples: z.array(sampleSchema),
});
export type Snapshot = z.infer<typeof snapshotSchema>;
