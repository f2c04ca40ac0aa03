/**
 * Messages between the supervisor and the services that it forked. A service sends `ready` or `failed` once,
 * and then a `sample` every 100 ms. The supervisor sends `stop`, and on purpose `stopAt`, `forgetStop` and
 * `moveClock`; at a stop point the service says `reached`. A service whose channel closes stops by itself.
 */
import { z } from 'zod';
import { backendHealthSchema } from './backend-trouble.ts';
import { RARE_PATH_IDS } from './rare-paths.ts';
import type { ServiceFailureCode } from './service-error.ts';
import { STOP_POINT_IDS, stopRequestSchema } from './stop-points.ts';

/** ms between two samples of a child. */
export const SAMPLE_INTERVAL_MS = 100;

const count = z.number().int().nonnegative();

const serviceFailureCode = z.custom<ServiceFailureCode>((code) => typeof code === 'string');

/** Health of the backends, as the service sees them. */
const backendsSchema = z.object({
  rabbitmq: backendHealthSchema,
  redis: backendHealthSchema,
  postgres: backendHealthSchema,
});
export type Backends = z.infer<typeof backendsSchema>;

/** What both kinds of sample have in common. */
const processShape = {
  atMs: z.number(),
  /** Longest delay of the event loop since the last sample, in ms. */
  eventLoopLagMs: z.number().nonnegative(),
  /** CPU time since the process began, in µs, user and system together. */
  cpuMicros: count,
  rssBytes: count,
  /** How often each rare path was taken, since the service started; a killed one loses what is not sent yet. */
  rarePaths: z.partialRecord(z.enum(RARE_PATH_IDS), count),
};

/** Totals since the gateway started, except where the name says `now`. */
export const gatewaySampleSchema = z.object({
  type: z.literal('sample'),
  role: z.literal('gateway'),
  ...processShape,
  /** Reservations that the broker confirmed (answered 202). */
  accepted: count,
  /** Frames that the broker confirmed. */
  frames: count,
  /** Reservations rejected by the gateway, by HTTP status. */
  rejected: z.object({ client4xx: count, soldOut409: count, unavailable503: count }),
  /** Reservations that wait for a confirm now. */
  unconfirmedNow: count,
  isBrokerUp: z.boolean(),
  health: backendsSchema.optional(),
});
export type GatewaySample = z.infer<typeof gatewaySampleSchema>;

/** Totals since the worker started, except where the name says `now`. */
export const workerSampleSchema = z.object({
  type: z.literal('sample'),
  role: z.literal('worker'),
  ...processShape,
  frames: count,
  /** Reservations decided and acked, without repeats. */
  decided: count,
  granted: count,
  /** Rows committed to Postgres. */
  ticketsCommitted: count,
  /** Frames with grants; the others never touch Postgres. */
  framesToPostgres: count,
  repeatedFrames: count,
  deadLettered: count,
  rebuilds: count,
  framesInHandNow: count,
  health: backendsSchema.optional(),
});
export type WorkerSample = z.infer<typeof workerSampleSchema>;

export const childMessageSchema = z.union([
  z.object({ type: z.literal('ready'), pid: count, port: z.number().int().min(1).max(65_535) }),
  z.object({ type: z.literal('failed'), code: serviceFailureCode, message: z.string(), fix: z.string() }),
  gatewaySampleSchema,
  workerSampleSchema,
  // A design of the lab has come to its stop point, and stops itself.
  z.object({ type: z.literal('standing') }),
  // The last before it dies or stands still.
  z.object({ type: z.literal('reached'), point: z.enum(STOP_POINT_IDS) }),
]);
export type ChildMessage = z.infer<typeof childMessageSchema>;

export const parentMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('stop') }),
  // On purpose, for a test: see stop-points.ts.
  stopRequestSchema.extend({ type: z.literal('stopAt') }),
  z.object({ type: z.literal('forgetStop') }),
  // See moved-clock.ts.
  z.object({ type: z.literal('moveClock'), byMs: z.number().int() }),
]);
export type ParentMessage = z.infer<typeof parentMessageSchema>;
