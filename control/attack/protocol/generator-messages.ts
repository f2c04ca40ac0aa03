/**
 * Messages between the control centre and a load generator process. The generator says `ready`, gets its
 * `start`, sends an `interval` every 100 ms, then `columns`, `prefixes` and last its `result`; or `failed` at
 * any time. The control centre may `stop` it.
 */
import { z } from 'zod';
import { commonSettings } from '../../../contract/attack-settings.ts';
import { LATENCY_STARTS } from '../../../contract/run-record.ts';
import { failureSchema } from '../../../contract/failure.ts';
import { targetSchema } from '../../../contract/target.ts';

/** A request that leaves later than this after its due time counts as late, in ms. */
export const IN_TIME_MS = 50;

/** ms of one interval. */
export const INTERVAL_MS = 100;
/** ms of a step of a burst: its crowd comes and goes within an interval. Under a rate a step is an interval. */
export const BURST_STEP_MS = 20;

const count = z.number().int().nonnegative();
const nonNegative = z.number().nonnegative();

const histogramSchema = z.object({
  buckets: z.instanceof(Uint32Array),
  maxUs: nonNegative,
  sumUs: nonNegative,
});

/** The share of an attack that one process carries: its settings, and what is this process's own. */
export const jobSchema = z.object({
  ...commonSettings,
  saleId: z.string(),
  targets: z.array(z.string()).min(1),
  /** Requests of all processes together. */
  totalRequests: count.min(1),
  /** This process takes the requests `processIndex`, `processIndex + processes`, … */
  processIndex: count,
  processes: count.min(1),
  /** Of this process alone. */
  connections: count.min(1),
  /** The rate over time, of all processes together; missing for a burst. */
  pace: z
    .array(z.object({ fromPerSec: nonNegative, toPerSec: nonNegative, lengthMs: z.number().positive() }))
    .min(1)
    .optional(),
  /** The shop, where it is not ours. */
  target: targetSchema.optional(),
});
export type GeneratorJob = z.infer<typeof jobSchema>;

/** The gateways did not answer any more: what was left was not sent. */
export const gaveUpSchema = z.object({
  /** ms without any answer. */
  silentMs: nonNegative,
  /** How the last request ended; see answer-cause.ts. */
  cause: z.string(),
  /** Requests that were not sent. */
  unsent: count,
});

const totalsShape = { sent: count, accepted: count, rejected: count, unknown: count };

export const intervalMessageSchema = z.object({
  type: z.literal('interval'),
  /** Intervals since the start; the interval ends at `(index + 1) × 100 ms`. */
  index: count,
  ...totalsShape,
  /** The same counts by step: sent, accepted, rejected and unknown of the first step, then of the next. */
  steps: z.object({
    fromMs: nonNegative,
    lengthMs: z.number().positive(),
    counts: z.instanceof(Uint32Array),
  }),
  latency: histogramSchema,
  eventLoopLagMaxMs: nonNegative,
  /** CPU time used in this interval, in µs. */
  cpuMicros: nonNegative,
  /** The process has resolved all its requests; nothing comes after. */
  isLast: z.boolean(),
});
export type IntervalMessage = z.infer<typeof intervalMessageSchema>;

export const resultMessageSchema = z.object({
  type: z.literal('result'),
  /** Requests that this process was to send. */
  asked: count,
  ...totalsShape,
  /** ms since the start of the attack. */
  firstSentMs: nonNegative,
  /** The last answer; 0 when there was none. */
  lastAnswerMs: nonNegative,
  /** When the last request was answered or given up. */
  endMs: nonNegative,
  /** When every connection had sent a request, and when the last one left. */
  firstWaveMs: nonNegative,
  lastSentMs: nonNegative,
  /** Of the answers, by outcome and start; a burst has no intended times. */
  latencies: z.array(
    z.object({
      outcome: z.enum(['accepted', 'rejected', 'unknown']),
      from: z.enum(LATENCY_STARTS),
      histogram: histogramSchema,
    }),
  ),
  statusCounts: z.record(z.string(), count),
  loopLag: histogramSchema,
  cpuMicros: nonNegative,
  /** Requests that left late because no connection was free. */
  lateForConnections: count,
  /** Requests that left late although a connection was free. */
  lateForGenerator: count,
  /** Requests that were not accepted, by cause; see answer-cause.ts. */
  causes: z.record(z.string(), count),
  gaveUp: gaveUpSchema.optional(),
});
export type ResultMessage = z.infer<typeof resultMessageSchema>;

export const columnsMessageSchema = z.object({
  type: z.literal('columns'),
  first: count,
  status: z.instanceof(Uint8Array),
  httpStatus: z.instanceof(Uint16Array),
  sentUs: z.instanceof(Uint32Array),
  answeredUs: z.instanceof(Uint32Array),
  prefix: z.instanceof(Uint32Array),
  place: z.instanceof(Uint16Array),
});
export type ColumnsMessage = z.infer<typeof columnsMessageSchema>;

export const generatorMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('failed'), failure: failureSchema }),
  intervalMessageSchema,
  columnsMessageSchema,
  z.object({ type: z.literal('prefixes'), text: z.instanceof(Uint8Array) }),
  resultMessageSchema,
]);
export type GeneratorMessage = z.infer<typeof generatorMessageSchema>;

export const commandMessageSchema = z.discriminatedUnion('type', [
  /** Comes first, and is answered by `ready`. */
  z.object({ type: z.literal('job'), job: jobSchema }),
  /** `startAtMs`: ms since the epoch, with fractions, so that several processes begin together. */
  z.object({ type: z.literal('start'), startAtMs: z.number() }),
  z.object({ type: z.literal('stop') }),
]);
export type CommandMessage = z.infer<typeof commandMessageSchema>;

/** Requests that one process of several carries. */
export function shareOf(totalRequests: number, processIndex: number, processes: number): number {
  return Math.max(0, Math.ceil((totalRequests - processIndex) / processes));
}
