/** What the renderer holds of the control centre: the contract's two functions, and whether anybody answers. */
import type { z } from 'zod';
import {
  commands,
  events,
  type CommandName,
  type CommandOutput,
  type ControlClient,
  type EventName,
  type EventPayload,
  type Result,
} from '../../contract/contract.ts';

export type CarrierStatus =
  | { readonly state: 'connecting' }
  | { readonly state: 'online' }
  | { readonly state: 'offline'; readonly retryAtMs: number };

export interface Carrier extends ControlClient {
  /** Tells the status now and at each change; returns the function that ends the subscription. */
  onStatus(listener: (status: CarrierStatus) => void): () => void;
  /** Tries to connect at once instead of waiting for the back-off. */
  retryNow(): void;
  close(): void;
}

/** Told when the other side sends what the contract doesn't know: the two are of different versions. */
export type ProblemListener = (message: string) => void;

type Parsed<Value> =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly reason: string };

/** Parses with a schema, and tells the first thing that is wrong. */
export function parseWith<Value>(schema: z.ZodType<Value>, value: unknown): Parsed<Value> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return { ok: true, value: parsed.data };
  const [issue] = parsed.error.issues;
  return {
    ok: false,
    reason: issue ? `${issue.path.join('.') || 'value'}: ${issue.message}` : 'unknown shape',
  };
}

// The same tables, typed so that a generic name leads to its own type.
const outputs: { readonly [Name in CommandName]: { readonly output: z.ZodType<CommandOutput<Name>> } } =
  commands;
const payloads: { readonly [Name in EventName]: z.ZodType<EventPayload<Name>> } = events;

/** Parses the answer of a command. */
export function parseOutput<Name extends CommandName>(
  name: Name,
  value: unknown,
): Parsed<CommandOutput<Name>> {
  return parseWith<CommandOutput<Name>>(outputs[name].output, value);
}

/** Parses what an event carries. */
export function parsePayload<Name extends EventName>(name: Name, value: unknown): Parsed<EventPayload<Name>> {
  return parseWith<EventPayload<Name>>(payloads[name], value);
}

/** A failed result, made on this side of the line. */
export function failed(code: string, message: string, fix: string): Result<never> {
  return { ok: false, error: { code, message, fix } };
}

/** A few commands wait for engines to boot, images to be pulled or queues to drain; the rest answers at once. */
const TIMEOUTS_MS: Readonly<Record<string, number>> = {
  'cluster.start': 60 * 60_000,
  'cluster.stop': 180_000,
  'cluster.reset': 180_000,
  'services.scale': 120_000,
  'attack.launch': 120_000,
  'doctor.runChecks': 60_000,
  'app.quit': 180_000,
};
const DEFAULT_TIMEOUT_MS = 30_000;

/** ms that a command's answer may take. */
export function timeoutMsOf(command: string): number {
  return TIMEOUTS_MS[command] ?? DEFAULT_TIMEOUT_MS;
}
