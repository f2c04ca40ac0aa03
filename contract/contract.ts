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
import { backendRoleSchema } from './backends.ts';
import { campaignPlanSchema, campaignStateSchema } from './campaign.ts';
import { COMPARISON_FORMATS } from './comparison.ts';
import { exportFormatSchema, exportedFileSchema } from './export-formats.ts';
import { attackSettingsSchema } from './attack-settings.ts';
import type { Failure } from './failure.ts';
import { faultOrderSchema } from './fault-syntax.ts';
import { labFormatSchema, labPlanSchema, labShopSchema, labResultSchema, labStateSchema } from './lab.ts';
import { MAX_MATRIX_SEEDS, matrixAttackSchema, matrixChoiceSchema } from './matrix.ts';
import { matrixFormatSchema, matrixPlanSchema, matrixStateSchema, matrixTableSchema } from './matrix.ts';
import { matrixResultSchema } from './matrix-report.ts';
import { raceBuyerSchema, raceDesignSchema, raceStateSchema } from './race.ts';
import { declaredTargetSchema, targetSchema } from './target.ts';
import { groupSchema, labelsSchema, runRecordSchema, sampleSchema } from './run-record.ts';
import { otlpUrlSchema, providerChoiceSchema, settingsSchema } from './settings.ts';
import {
  clusterStateSchema,
  serviceRoleSchema,
  serviceStateSchema,
  partStatsSchema,
  flowSampleSchema,
  deadFrameSchema,
  attackStateSchema,
  runSummarySchema,
  logLevelSchema,
  logLineSchema,
  diagnosisSchema,
  noticeSchema,
  accessSchema,
  snapshotSchema,
} from './state.ts';

const none = z.object({}).strict();
const done = z.object({});
const count = z.number().int().nonnegative();

/** Most sales in a snapshot or event: after days there are thousands, too many to send twice a second. */
export const MAX_SHOWN_SALES = 50;

const deadFrameChoice = z.strictObject({
  /** Missing: all. */
  ids: z.array(z.string().min(1).max(64)).min(1).max(1_000).optional(),
});

/** Runs of one side of a comparison. */
const comparedIds = z.array(z.string().max(80)).min(1).max(100);

const [burst, sustained, staged] = attackSettingsSchema.options;
const ofGroup = { group: groupSchema.optional() };
/** An attack, and the group that its run belongs to. */
const launchSchema = z.discriminatedUnion('profile', [
  burst.extend(ofGroup),
  sustained.extend(ofGroup),
  staged.extend(ofGroup),
]);

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
  /** For a terminal only: returns what a page asks for and a person must confirm, and with its id does it. */
  'app.confirmAsk': {
    input: z.object({ id: z.string().max(64).optional() }).strict(),
    output: z.object({
      id: z.string(),
      what: z.enum(['change', 'attack']),
      lines: z.array(z.string()),
      isDone: z.boolean(),
    }),
    timeoutMs: 120_000,
  },
  /** Shows the data folder in the system's file manager. */
  'app.openDataFolder': { input: none, output: done },
  'cluster.start': {
    input: z.strictObject({
      provider: providerChoiceSchema.optional(),
      highlyAvailable: z.boolean().optional(),
      otlpUrl: otlpUrlSchema.optional(),
    }),
    output: clusterStateSchema,
    timeoutMs: 60 * 60_000,
  },
  /** How other programs reach the backends. A page gets the URLs without their passwords. */
  'cluster.listConnections': {
    input: none,
    output: z.array(z.object({ role: backendRoleSchema, url: z.string() })),
  },
  'cluster.cancelStart': { input: none, output: done, timeoutMs: 180_000 },
  'cluster.stop': { input: none, output: clusterStateSchema, timeoutMs: 180_000 },
  /** Stops and removes all data of the cluster. */
  'cluster.reset': { input: none, output: clusterStateSchema, timeoutMs: 180_000 },
  'services.scale': {
    input: z.strictObject({ role: serviceRoleSchema, count: z.number().int().min(1).max(16) }),
    output: z.array(serviceStateSchema),
    timeoutMs: 120_000,
  },
  /** The newest sales, before them the one that is attacked where it is older. */
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
  'attack.launch': { input: launchSchema, output: attackStateSchema, timeoutMs: 120_000 },
  /** Attacks a shop that is not ours; needs no cluster. For a page, a person confirms it first, and no module is taken. */
  'attack.launchTarget': {
    input: z.strictObject({
      settings: launchSchema,
      target: targetSchema,
      isOwn: z.boolean().default(false),
    }),
    output: attackStateSchema,
    timeoutMs: 120_000,
  },
  /** Makes several attacks, one after the other, and returns at once; `campaign.stateChanged` reports the rest. */
  'campaign.start': {
    input: z.strictObject({
      plan: campaignPlanSchema,
      /** A shop that is not ours, as for `attack.launchTarget`. */
      target: targetSchema.optional(),
      isOwn: z.boolean().default(false),
    }),
    output: campaignStateSchema,
    timeoutMs: 120_000,
  },
  /** Cancels the attack that runs, and ends the campaign; its runs stay. */
  'campaign.stop': { input: none, output: done, timeoutMs: 120_000 },
  'attack.cancel': { input: none, output: done },
  /** Breaks a part now: as a fault of the attack that runs, or by itself. */
  'faults.breakPart': { input: faultOrderSchema, output: done, timeoutMs: 60_000 },
  /** Goes through the attacks of a plan, one by one, and returns at once; `matrix.stateChanged` reports the rest. */
  'matrix.start': {
    input: z.strictObject({
      plan: matrixPlanSchema.prefault({}),
      /** Seeds that are done, by fault. Missing: those whose results are kept. */
      done: z.record(z.string().max(100), z.array(z.number().int()).max(MAX_MATRIX_SEEDS)).optional(),
    }),
    output: matrixStateSchema,
    timeoutMs: 60_000,
  },
  /** Cancels the attack that runs, and ends the matrix; its results stay. */
  'matrix.stop': { input: none, output: done, timeoutMs: 120_000 },
  'matrix.getTable': { input: matrixChoiceSchema, output: matrixTableSchema },
  /** The attacks of one fault, by seed. */
  'matrix.listAttacks': {
    input: matrixChoiceSchema.extend({ fault: z.string().max(100) }),
    output: z.array(matrixAttackSchema),
  },
  /** The results as text; the frontend decides where it goes. */
  'matrix.exportResults': {
    input: matrixChoiceSchema.extend({ format: matrixFormatSchema }),
    output: exportedFileSchema,
    timeoutMs: 60_000,
  },
  /** Removes all kept results; the records of their runs stay. */
  'matrix.clearResults': { input: none, output: done },
  /** Attacks one design after the other with the same buyers, and returns at once; `lab.stateChanged` reports the rest. */
  'lab.start': { input: labPlanSchema, output: labStateSchema },
  'lab.listResults': { input: none, output: z.array(labResultSchema) },
  'lab.exportResults': { input: z.strictObject({ format: labFormatSchema }), output: exportedFileSchema },
  /** Runs a design as a shop, until `lab.endShop`; answers with its adapter. */
  'lab.serveDesign': { input: labShopSchema, output: declaredTargetSchema, timeoutMs: 60_000 },
  'lab.endShop': { input: none, output: done, timeoutMs: 60_000 },
  /** Cancels the attack that runs, and ends the lab. */
  'lab.stop': { input: none, output: done, timeoutMs: 120_000 },
  /** Opens the race of two buyers whose statements a person sends; the race before it is closed. */
  'race.open': { input: z.strictObject({ design: raceDesignSchema }), output: raceStateSchema },
  /** Sends one statement. Nothing happens where that buyer waits for a lock, or is through. */
  'race.step': { input: z.strictObject({ buyer: raceBuyerSchema }), output: raceStateSchema },
  'race.reset': { input: none, output: raceStateSchema },
  /** A race that nobody asks for is closed after a while. */
  'race.getRace': { input: none, output: raceStateSchema },
  'race.close': { input: none, output: done },
  'runs.listRuns': {
    input: z.strictObject({ search: z.string().max(200).default('') }),
    output: z.array(runSummarySchema),
  },
  'runs.getRun': { input: z.strictObject({ id: z.string() }), output: runRecordSchema },
  /** `runs.restoreRun` brings it back, for a while. */
  'runs.deleteRun': { input: z.strictObject({ id: z.string() }), output: done },
  'runs.restoreRun': { input: z.strictObject({ id: z.string() }), output: runSummarySchema },
  /** What is not named stays; an empty value takes it away. */
  'runs.labelRun': {
    input: z.strictObject({ id: z.string(), labels: labelsSchema }),
    output: runSummarySchema,
  },
  /** The records that later runs are compared with; none where there is no baseline. */
  'runs.getBaseline': { input: none, output: z.array(runRecordSchema) },
  'runs.setBaseline': { input: z.strictObject({ ids: comparedIds }), output: done },
  /** B against A as text; `baseline` stands for the runs of the baseline. */
  'runs.exportComparison': {
    input: z.strictObject({ a: comparedIds, b: comparedIds, format: z.enum(COMPARISON_FORMATS) }),
    output: exportedFileSchema,
    timeoutMs: 60_000,
  },
  /** The exported file as text; the frontend decides where it goes. */
  'runs.exportRun': {
    input: z.strictObject({ id: z.string(), format: exportFormatSchema }),
    output: exportedFileSchema,
    timeoutMs: 90_000,
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
  'doctor.runChecks': { input: none, output: diagnosisSchema, timeoutMs: 60_000 },
} as const satisfies Readonly<Record<string, CommandSpec>>;

export const events = {
  'cluster.stateChanged': z.object({ seq: count, cluster: clusterStateSchema }),
  'services.stateChanged': z.object({ seq: count, services: z.array(serviceStateSchema) }),
  /** Once a second. */
  'telemetry.statsSampled': z.object({ seq: count, stats: z.array(partStatsSchema) }),
  /** A few batches a second. */
  'telemetry.flowSampled': z.object({ seq: count, flow: z.array(flowSampleSchema) }),
  /** The newest sales, before them the one that is attacked where it is older; and how many there are in all. */
  'sales.salesChanged': z.object({
    seq: count,
    sales: z.array(saleViewSchema),
    salesTotal: count.optional(),
  }),
  'attack.stateChanged': z.object({ seq: count, attack: attackStateSchema }),
  'attack.samplesTaken': z.object({ seq: count, runId: z.string(), samples: z.array(sampleSchema) }),
  'matrix.stateChanged': z.object({ seq: count, matrix: matrixStateSchema }),
  /** An attack of the matrix was judged. */
  'matrix.resultAdded': z.object({ seq: count, result: matrixResultSchema }),
  'campaign.stateChanged': z.object({ seq: count, campaign: campaignStateSchema }),
  'lab.stateChanged': z.object({ seq: count, lab: labStateSchema }),
  'lab.resultAdded': z.object({ seq: count, result: labResultSchema }),
  /** A run was saved or brought back, or its labels changed. */
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
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly error: Failure };

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
