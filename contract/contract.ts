/**
 * All commands and events. The Electron window (IPC), the browser page (WebSocket) and the terminal call these commands
 * and subscribe to these events; none has logic of its own. Types are inferred from the schemas, and both sides of a
 * process boundary parse every message with them.
 *
 * Commands are named `area.verbNoun`, events `area.nounHappened`. A command returns a tagged result: expected failures
 * are data.
 */
import { z } from 'zod';
import '../services/shared/plain-issues.ts';
import { newSaleSchema, saleChangeSchema, saleViewSchema } from '../services/shared/sales.ts';
import { exportFormatSchema, exportedFileSchema } from './export-formats.ts';
import { attackSettingsSchema } from './attack-settings.ts';
import {
  backendRoleSchema,
  backendStateSchema,
  backendStatsSchema,
  providerSchema,
  stepSchema,
} from './backends.ts';
import { failureSchema } from './failure.ts';
import { EXTERNAL_URLS, urlProblem, type ExternalUrl } from './external-urls.ts';
import {
  auditSchema,
  incidentSchema,
  loadSchema,
  runRecordSchema,
  sampleSchema,
  verdictSchema,
} from './run-record.ts';

const none = z.object({}).strict();
const done = z.object({});
const count = z.number().int().nonnegative();

/** Most sales in a snapshot or event: after days there are thousands, too many to send twice a second. */
export const MAX_SHOWN_SALES = 50;

export const providerChoiceSchema = z.enum(['auto', ...providerSchema.options]);
export type ProviderChoice = z.infer<typeof providerChoiceSchema>;

// ── Settings ────────────────────────────────────────────────────────────────────────────────────────────────

const port = z.number().int().min(0).max(65_535);

/** Empty, or a URL with the right scheme. */
const externalUrl = (field: ExternalUrl['field']) =>
  z
    .string()
    .trim()
    .max(500)
    .superRefine((text, context) => {
      const target = EXTERNAL_URLS.find((one) => one.field === field);
      const problem = target && text !== '' ? urlProblem(target, text) : undefined;
      if (problem !== undefined)
        context.addIssue({ code: 'custom', message: `${problem}, like ${target?.example ?? ''}` });
    })
    .default('');

/** A problem with saved files, shown on every page. */
export const noticeSchema = z.object({
  id: z.enum(['settings', 'runs']),
  message: z.string(),
  fix: z.string(),
});
export type Notice = z.infer<typeof noticeSchema>;

export const settingsSchema = z.strictObject({
  provider: providerChoiceSchema.default('auto'),
  gateways: z.number().int().min(1).max(16).default(1),
  workers: z.number().int().min(1).max(16).default(1),
  /** 0 takes a free port. */
  gatewayPort: port.default(0),
  /** Ports of the backends that FlashGrid starts. 0 takes a free port. */
  backendPorts: z
    .strictObject({ rabbitmq: port.default(0), redis: port.default(0), postgres: port.default(0) })
    .prefault({}),
  images: z
    .strictObject({
      registry: z.string().max(200).default(''),
      rabbitmq: z.string().min(1).max(300).default('rabbitmq:4-management-alpine'),
      redis: z.string().min(1).max(300).default('redis:8-alpine'),
      postgres: z.string().min(1).max(300).default('postgres:18-alpine'),
    })
    .prefault({}),
  limits: z
    .strictObject({
      /** MiB of memory for each container. */
      memoryMb: z.number().int().min(256).max(65_536).default(2_048),
      /** Cores for each container; 0: no limit. */
      cpus: z.number().min(0).max(128).default(0),
    })
    .prefault({}),
  external: z
    .strictObject({
      amqpUrl: externalUrl('amqpUrl'),
      redisUrl: externalUrl('redisUrl'),
      postgresUrl: externalUrl('postgresUrl'),
    })
    .prefault({}),
  theme: z.enum(['system', 'light', 'dark']).default('system'),
  isProjectorMode: z.boolean().default(false),
  /** What closing the window does with a running cluster. */
  onQuit: z.enum(['ask', 'stop', 'keep']).default('ask'),
});
export type Settings = z.infer<typeof settingsSchema>;

// ── Cluster and services ────────────────────────────────────────────────────────────────────────────────────

export const clusterStateSchema = z.object({
  state: z.enum(['stopped', 'starting', 'running', 'stopping', 'failed']),
  provider: providerSchema.optional(),
  /** Why this provider was chosen. */
  reason: z.string().optional(),
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

const deadFrameChoice = z.strictObject({
  /** Missing: all. */
  ids: z.array(z.string().min(1).max(64)).min(1).max(1_000).optional(),
});

// ── Attack and runs ─────────────────────────────────────────────────────────────────────────────────────────

export const attackStateSchema = z.object({
  runId: z.string(),
  saleId: z.string(),
  phase: z.enum(['preparing', 'attacking', 'draining', 'auditing', 'finished', 'failed', 'cancelled']),
  settings: attackSettingsSchema,
  startedAtMs: z.number(),
  /** Time 0 of the samples, in ms since 1970; missing until the first request is sent. */
  firstRequestAtMs: z.number().optional(),
  /** When the attack killed the workers, in ms since the first request. */
  workersKilledAtMs: z.number().nonnegative().optional(),
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
  provider: providerSchema,
  requests: count,
  connections: count,
  stock: count,
  sold: count,
  rps: z.number(),
  p50Ms: z.number(),
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
  /** The attack's samples so far; in a long attack, neighbours are merged. */
  samples: z.array(sampleSchema),
});
export type Snapshot = z.infer<typeof snapshotSchema>;

// ── The contract ────────────────────────────────────────────────────────────────────────────────────────────

interface CommandSpec {
  readonly input: z.ZodType;
  readonly output: z.ZodType;
  /** ms that the answer may take, for commands that start backends, pull images or wait for queues. */
  readonly timeoutMs?: number;
}
const DEFAULT_TIMEOUT_MS = 30_000;

export const commands = {
  /** The whole state. A frontend subscribes to events first, then asks for this. */
  'app.getSnapshot': { input: none, output: snapshotSchema },
  /** Ends the control centre. `keep` leaves the backends running; the next start adopts them. */
  'app.quit': {
    input: z.strictObject({ cluster: z.enum(['stop', 'keep']).default('stop') }),
    output: done,
    timeoutMs: 180_000,
  },
  /** @throws app.noAccess where nothing listens for browsers */
  'app.getAccess': { input: none, output: accessSchema },
  /** Shows the data folder in the system's file manager. */
  'app.openDataFolder': { input: none, output: done },
  'cluster.start': {
    input: z.strictObject({ provider: providerChoiceSchema.optional() }),
    output: clusterStateSchema,
    timeoutMs: 60 * 60_000,
  },
  'cluster.cancelStart': { input: none, output: done, timeoutMs: 180_000 },
  'cluster.stop': { input: none, output: clusterStateSchema, timeoutMs: 180_000 },
  /** Stops and removes all data of the cluster. */
  'cluster.reset': { input: none, output: clusterStateSchema, timeoutMs: 180_000 },
  'cluster.killBackend': { input: z.strictObject({ role: backendRoleSchema }), output: done },
  'services.scale': {
    input: z.strictObject({ role: serviceRoleSchema, count: z.number().int().min(1).max(16) }),
    output: z.array(serviceStateSchema),
    timeoutMs: 120_000,
  },
  'services.killService': { input: z.strictObject({ id: z.string() }), output: done },
  /** The newest sales. */
  'sales.listSales': {
    input: z.strictObject({ limit: z.number().int().min(1).max(1_000).default(MAX_SHOWN_SALES) }),
    output: z.array(saleViewSchema),
  },
  'sales.openSale': { input: newSaleSchema, output: saleViewSchema },
  'sales.changeSale': {
    input: z.strictObject({ id: z.string(), change: saleChangeSchema }),
    output: saleViewSchema,
  },
  /** Oldest first. */
  'queue.listDead': {
    input: z.strictObject({ limit: z.number().int().min(1).max(1_000).default(100) }),
    output: z.object({ total: count, frames: z.array(deadFrameSchema) }),
    timeoutMs: 90_000,
  },
  /** Puts dead frames back into the queue; `kept` can never be decided and stay dead. */
  'queue.replayDead': {
    input: deadFrameChoice,
    output: z.object({ replayed: count, kept: count }),
    timeoutMs: 90_000,
  },
  /** Removes dead frames for good; their reservations never get an outcome. */
  'queue.dropDead': { input: deadFrameChoice, output: z.object({ dropped: count }), timeoutMs: 90_000 },
  /** Starts an attack and returns as soon as it runs; `attack.stateChanged` reports the rest. */
  'attack.launch': { input: attackSettingsSchema, output: attackStateSchema, timeoutMs: 120_000 },
  'attack.cancel': { input: none, output: done },
  'runs.listRuns': {
    input: z.strictObject({ search: z.string().max(200).default('') }),
    output: z.array(runSummarySchema),
  },
  'runs.getRun': { input: z.strictObject({ id: z.string() }), output: runRecordSchema },
  'runs.deleteRun': { input: z.strictObject({ id: z.string() }), output: done },
  /** The exported file as text; the frontend decides where it goes. */
  'runs.exportRun': {
    input: z.strictObject({ id: z.string(), format: exportFormatSchema }),
    output: exportedFileSchema,
  },
  'logs.listLines': {
    input: z.strictObject({
      parts: z.array(z.string()).default([]),
      minLevel: logLevelSchema.default('debug'),
      text: z.string().max(200).default(''),
      fromMs: z.number().optional(),
      toMs: z.number().optional(),
      /** Half of the lines before this moment, half from it on. */
      aroundMs: z.number().optional(),
      limit: z.number().int().min(1).max(5_000).default(1_000),
    }),
    /** Oldest first: the newest lines, the first ones from `fromMs` on, or those around `aroundMs`. */
    output: z.object({
      lines: z.array(logLineSchema),
      parts: z.array(z.string()),
      total: count,
      /** Number of the newest line, matching or not. */
      lastSeq: count,
      /** Earlier lines are no longer stored. */
      keptFromMs: z.number(),
    }),
  },
  'settings.getSettings': { input: none, output: settingsSchema },
  'settings.saveSettings': { input: settingsSchema, output: settingsSchema },
  /** For a terminal only: returns the change that waits for a confirmation, and with its id saves it. */
  'settings.confirmChange': {
    input: z.object({ id: z.string().max(64).optional() }).strict(),
    output: z.object({ id: z.string(), lines: z.array(z.string()), isSaved: z.boolean() }),
  },
  'doctor.runChecks': { input: none, output: diagnosisSchema, timeoutMs: 60_000 },
} as const satisfies Readonly<Record<string, CommandSpec>>;

export const events = {
  'cluster.stateChanged': z.object({ seq: count, cluster: clusterStateSchema }),
  'services.stateChanged': z.object({ seq: count, services: z.array(serviceStateSchema) }),
  /** Once a second. */
  'telemetry.statsSampled': z.object({ seq: count, stats: z.array(partStatsSchema) }),
  /** A few batches a second. */
  'telemetry.flowSampled': z.object({ seq: count, flow: z.array(flowSampleSchema) }),
  /** The newest sales, and how many there are in all. */
  'sales.salesChanged': z.object({
    seq: count,
    sales: z.array(saleViewSchema),
    salesTotal: count.optional(),
  }),
  'attack.stateChanged': z.object({ seq: count, attack: attackStateSchema }),
  'attack.samplesTaken': z.object({ seq: count, runId: z.string(), samples: z.array(sampleSchema) }),
  'runs.runSaved': z.object({ seq: count, run: runSummarySchema }),
  'runs.runDeleted': z.object({ seq: count, id: z.string() }),
  'logs.linesAdded': z.object({ seq: count, lines: z.array(logLineSchema) }),
  'settings.settingsChanged': z.object({ seq: count, settings: settingsSchema }),
  'app.noticesChanged': z.object({ seq: count, notices: z.array(noticeSchema) }),
  'app.quitting': z.object({ seq: count }),
} as const;

export type CommandName = keyof typeof commands;
export type CommandInput<Name extends CommandName> = z.input<(typeof commands)[Name]['input']>;
/** A parsed input, with all defaults. */
export type ParsedInput<Name extends CommandName> = (typeof commands)[Name]['input']['_zod']['output'];
export type CommandOutput<Name extends CommandName> = z.output<(typeof commands)[Name]['output']>;
export type EventName = keyof typeof events;
export type EventPayload<Name extends EventName> = z.output<(typeof events)[Name]>;

export type Result<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: z.infer<typeof failureSchema> };

/** The contract's two functions, over any transport. */
export interface ControlClient {
  call<Name extends CommandName>(name: Name, input: CommandInput<Name>): Promise<Result<CommandOutput<Name>>>;
  /** Returns the function that ends the subscription. */
  on<Name extends EventName>(name: Name, listener: (payload: EventPayload<Name>) => void): () => void;
}

/** Whether a text names a command. */
export function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(commands, name);
}

/** The names of all events. */
export const eventNames = Object.keys(events) as EventName[];

/** ms that a command's answer may take. */
export function timeoutMsOf(name: CommandName): number {
  const spec: CommandSpec = commands[name];
  return spec.timeoutMs ?? DEFAULT_TIMEOUT_MS;
}

/** The same tables, typed so that a generic name selects its own type. */
export const parsers: {
  readonly commands: { readonly [Name in CommandName]: { readonly output: z.ZodType<CommandOutput<Name>> } };
  readonly events: { readonly [Name in EventName]: z.ZodType<EventPayload<Name>> };
} = { commands, events };
