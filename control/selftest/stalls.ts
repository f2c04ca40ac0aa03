/** What an ideal load generator measures of a server that stands still at known times, and the messages of such a server. */
import { z } from 'zod';

const stallSchema = z.object({ fromMs: z.number(), toMs: z.number() });
/** While a server did nothing. */
export type Stall = z.infer<typeof stallSchema>;

/** When it is to stand still, in ms since the epoch. */
export const scheduleSchema = z.object({ atMs: z.array(z.number()), lengthMs: z.number() });
export const stallingReplySchema = z.union([
  z.object({ port: z.number() }),
  z.object({ stalls: z.array(stallSchema) }),
]);
export type StallingReply = z.infer<typeof stallingReplySchema>;

export interface ComputedLatencies {
  /** In ms, ascending. */
  readonly intended: readonly number[];
  readonly sent: readonly number[];
}

/**
 * The latencies of requests that leave at a rate, each over a connection that is free by then, and are answered at once
 * unless the server stands still.
 * @param stalls in ms since the first request
 */
export function computeLatencies(
  load: { readonly requests: number; readonly ratePerSec: number; readonly connections: number },
  stalls: readonly Stall[],
): ComputedLatencies {
  const free = new Array<number>(load.connections).fill(0);
  const [intended, sent]: [number[], number[]] = [[], []];
  for (let index = 0; index < load.requests; index++) {
    const dueMs = (index * 1_000) / load.ratePerSec;
    const lane = free.indexOf(Math.min(...free));
    const sentMs = Math.max(dueMs, free[lane] ?? 0);
    const answeredMs = stalls.find(({ fromMs, toMs }) => fromMs <= sentMs && sentMs < toMs)?.toMs ?? sentMs;
    free[lane] = answeredMs;
    intended.push(answeredMs - dueMs);
    sent.push(answeredMs - sentMs);
  }
  const ascending = (values: number[]) => values.sort((a, b) => a - b);
  return { intended: ascending(intended), sent: ascending(sent) };
}

/** The value that a share of all does not exceed. */
export const quantile = (ascending: readonly number[], share: number): number =>
  ascending[Math.max(0, Math.ceil(ascending.length * share) - 1)] ?? 0;
