/** What travels over Redis pub/sub between workers and gateways. */
import { z } from 'zod';
import { saleFactsSchema } from './sales.ts';

/**
 * Outcomes of one frame: `saleId frameId count remaining repeated record`, with one space between. Not JSON,
 * because it is written once a frame on the hot path and the record is already a text. `repeated` is 1 for a
 * frame that was decided earlier, so that counters leave it out. One message carries one or more of them, with
 * LF between.
 */
export interface OutcomeEvent {
  readonly saleId: string;
  readonly frameId: string;
  readonly count: number;
  /** Units left after this frame. */
  readonly remaining: number;
  readonly isRepeated: boolean;
  /** See outcomes.ts. */
  readonly record: string;
}

/** Writes an outcome event. */
export function encodeOutcomeEvent(event: OutcomeEvent): string {
  return `${event.saleId} ${event.frameId} ${event.count} ${event.remaining} ${event.isRepeated ? 1 : 0} ${event.record}`;
}

/** The events of one message. */
export function outcomeLines(message: string): readonly string[] {
  return message.includes('\n') ? message.split('\n') : [message];
}

/** Reads an outcome event; `undefined` for any other text: another program may publish on the channel. */
export function decodeOutcomeEvent(text: string): OutcomeEvent | undefined {
  const parts = text.split(' ');
  const [saleId, frameId, countText, remainingText, repeatedText, record] = parts;
  const count = Number(countText);
  const remaining = Number(remainingText);
  if (
    parts.length !== 6 ||
    !saleId ||
    !frameId ||
    !record ||
    !Number.isInteger(count) ||
    !Number.isInteger(remaining)
  )
    return undefined;
  return { saleId, frameId, count, remaining, isRepeated: repeatedText === '1', record };
}

/**
 * A sale was opened, changed, reset, sold out, or has units again: gateways replace what they cached. JSON on
 * `saleChannel`.
 */
export const saleChangedSchema = z.object({ type: z.literal('sale.changed'), sale: saleFactsSchema });
export type SaleChanged = z.infer<typeof saleChangedSchema>;
