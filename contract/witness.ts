/** The witness of a failed check: the few events that contradict each other. docs/evidence.md describes it. */
import { z } from 'zod';
import { figure } from './format.ts';

/** Kinds of events: what a reader is told, and when it holds if it is no moment. */
const KINDS = {
  promise: { label: 'Promise', holds: 'always' },
  request: { label: 'Request sent' },
  answer: { label: 'Answer' },
  frame: { label: 'Frame in RabbitMQ' },
  decision: { label: 'Decision in Redis' },
  row: { label: 'Row in Postgres' },
  outcome: { label: 'What the shop decided' },
  owner: { label: 'The shop’s list of owners', holds: 'at the audit' },
  statement: { label: 'Sent' },
  seen: { label: 'Saw' },
  count: { label: 'Count', holds: 'at the audit' },
  missing: { label: 'Not found', holds: 'at the audit' },
} as const satisfies Record<string, { readonly label: string; readonly holds?: string }>;

export type WitnessKind = keyof typeof KINDS;
export const WITNESS_KINDS: Readonly<
  Record<WitnessKind, { readonly label: string; readonly holds?: string }>
> = KINDS;

/** A limit of 10 units a buyer, and the 11 rows that exceed it; or seven of each of two buyers. */
export const MAX_EVENTS = 14;

export const witnessEventSchema = z.object({
  /** The lane on which the event stands. */
  lane: z.literal([0, 1]),
  kind: z.enum(Object.keys(KINDS) as WitnessKind[]),
  /** ms since the first request; missing when no clock noted it. */
  tMs: z.number().optional(),
  /** What happened, with its figures and names. */
  text: z.string(),
});
export type WitnessEvent = z.infer<typeof witnessEventSchema>;

export const witnessSchema = z.object({
  /** What can't be true together, as a sentence. */
  contradiction: z.string(),
  /** Titles of the two lanes. */
  lanes: z.tuple([z.string(), z.string()]),
  /** In the order of time. Without any of them, there would be no contradiction. */
  events: z.array(witnessEventSchema).min(1).max(MAX_EVENTS),
});
export type Witness = z.infer<typeof witnessSchema>;

/** `+2,012.3 ms`, since a few ms may tell who was first; of an event that is no moment: when it holds. */
export function eventTime({ kind, tMs }: WitnessEvent): string {
  if (tMs !== undefined) return `${tMs < 0 ? '−' : '+'}${figure(Math.abs(tMs))} ms`;
  return WITNESS_KINDS[kind].holds ?? 'time not known';
}

/** The events one after the other, where there is no room for two lanes. */
export const eventLines = ({ lanes, events }: Witness): string[] =>
  events.map((event) => `${eventTime(event)}, ${lanes[event.lane]}: ${eventText(event)}`);

export const eventText = ({ kind, text }: WitnessEvent): string => `${WITNESS_KINDS[kind].label}: ${text}`;
