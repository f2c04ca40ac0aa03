/** The race: a visitor is both buyers of one unit, and sends the statements of a design one by one. */
import { z } from 'zod';
import { DESIGNS, type DesignFacts, type DesignId } from './designs.ts';

/** What to try with a design, and what it answers to the buyer who comes second. */
const HINTS = {
  'read-then-write': 'Let both buyers read before one of them writes.',
  'repeatable-read':
    'The second UPDATE fails: the row has changed since its transaction first looked. It begins anew, and reads 0.',
  serializable:
    'As under REPEATABLE READ: the second UPDATE fails, since the row has changed. It begins anew, and reads 0.',
  'row-lock': 'The second SELECT … FOR UPDATE waits for the COMMIT of the first, and then reads 0.',
  'atomic-update':
    'There is no moment between look and write: the second statement finds no row, and returns none.',
  'skip-locked': 'The row of the unit is taken: the second statement finds no other one.',
  'version-column':
    'The second UPDATE waits for the first, and then finds another version: 0 rows. It begins anew, and reads 0.',
  'redis-get-decr': 'Let both buyers GET before one of them sends DECR.',
  'redis-decr': 'The second DECR answers −1: it came too late, and INCR gives it back.',
  'redis-lua': 'The script looks and takes in one step: the second one answers −1.',
  redlock:
    'SET … NX answers null while the other holds the lock. But the lock ends after 15 s (1 s in the lab, where no person is waited for): let its holder stall that long after its SELECT, and both sell the unit.',
} as const satisfies Partial<Record<DesignId, string>>;

export type RaceDesign = keyof typeof HINTS;
export const RACE_HINTS: Readonly<Record<RaceDesign, string>> = HINTS;
export const RACE_DESIGNS = Object.keys(HINTS) as readonly RaceDesign[];
export const raceDesignSchema = z.enum(RACE_DESIGNS);

export const RACE_BUYERS = ['A', 'B'] as const;
export const raceBuyerSchema = z.enum(RACE_BUYERS);
export type RaceBuyer = z.infer<typeof raceBuyerSchema>;

const unit = z.number().int();

const sessionSchema = z.object({
  lines: z.array(z.object({ text: z.string(), answer: z.string().optional() })),
  /** What it sends at the next step. */
  next: z.string().optional(),
  /** Its last statement has no answer: the other one holds the lock. */
  waits: z.boolean().optional(),
  end: z
    .discriminatedUnion('is', [
      z.object({ is: z.literal('granted'), unit }),
      z.object({ is: z.literal('failed'), why: z.string() }),
      z.object({ is: z.enum(['soldOut', 'gaveUp', 'queued']) }),
    ])
    .optional(),
});
export type RaceSession = z.infer<typeof sessionSchema>;

/** What a design's process shows of its race. */
export const raceViewSchema = z.object({
  sessions: z.object({ A: sessionSchema, B: sessionSchema }),
  /** The orders, as everybody sees them. */
  tickets: z.array(z.object({ buyer: z.string(), unit })),
});

export const raceStateSchema = z.discriminatedUnion('is', [
  /** `why`: it was not the visitor who closed it. */
  z.object({ is: z.literal('closed'), why: z.string().optional() }),
  raceViewSchema.extend({ is: z.literal('open'), design: raceDesignSchema }),
]);
export type RaceState = z.infer<typeof raceStateSchema>;
export type OpenRace = Extract<RaceState, { is: 'open' }>;

/** What a session has come to, in words. */
export function sessionText({ end, waits, lines }: RaceSession, other: RaceBuyer): string {
  if (waits) return `Waits for buyer ${other}: that transaction holds the lock.`;
  switch (end?.is) {
    case undefined:
      return lines.length === 0 ? 'Has sent nothing.' : 'Is between two statements.';
    case 'granted':
      return `Bought unit ${end.unit} of 1.`;
    case 'soldOut':
      return 'Refused: sold out.';
    case 'failed':
      return `Failed: ${end.why}.`;
    default:
      return 'Refused: it tried as often as it may.';
  }
}

/** What the race has come to. */
export function raceVerdict({ design, sessions, tickets }: OpenRace): {
  readonly is: 'running' | 'oversold' | 'soldOnce';
  readonly text: string;
} {
  const { stoppedBy }: DesignFacts = DESIGNS[design];
  const orders = tickets.map(({ buyer, unit: number }) => `${buyer} has unit ${number}`).join(', ');
  if (tickets.length > 1)
    return {
      is: 'oversold',
      text: `Oversold: 1 unit, ${tickets.length} orders in Postgres (${orders}). ${stoppedBy ?? DESIGNS[design].givesUp}`,
    };
  const areOver = RACE_BUYERS.every((buyer) => sessions[buyer].end !== undefined);
  if (!areOver)
    return {
      is: 'running',
      text: orders ? `1 order in Postgres so far: ${orders}.` : 'No order in Postgres so far.',
    };
  return { is: 'soldOnce', text: `Not oversold: 1 unit, 1 order in Postgres (${orders}).` };
}
