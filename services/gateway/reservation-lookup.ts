/**
 * What became of a reservation. Redis has the outcome of every reservation for as long as records are kept; Postgres has
 * every grant for ever.
 */
import { z } from 'zod';
import { parseReservationId } from '../shared/ids.ts';
import type { ReservationRef } from '../shared/ids.ts';
import { RecordError, outcomeAt } from '../shared/outcomes.ts';
import type { Outcome } from '../shared/outcomes.ts';
import type { SaleFacts } from '../shared/sales.ts';
import { ProblemError, invalid, refusal } from './problems.ts';

export const reservationViewSchema = z.union([
  z.object({
    reservationId: z.string(),
    status: z.literal('queued').describe('Accepted; a worker has still to decide it.'),
  }),
  z.object({
    reservationId: z.string(),
    status: z.literal('granted'),
    units: z.array(z.number().int()).describe('Unit numbers, 1..stock.'),
    unitNo: z.number().int().describe('The first of them.'),
  }),
  z.object({
    reservationId: z.string(),
    status: z.literal('refused'),
    reason: z.enum(['sold_out', 'buyer_limit', 'insufficient', 'sale_closed', 'sale_reset', 'key_reused']),
  }),
]);
export type ReservationView = z.infer<typeof reservationViewSchema>;

export interface ReservationLookupOptions {
  readonly findSale: (saleId: string) => Promise<SaleFacts | undefined>;
  readonly readRecord: (ref: ReservationRef) => Promise<string | undefined>;
  /** Units granted to a reservation, as Postgres has them. */
  readonly readUnits: (reservationId: string) => Promise<number[]>;
  /** What this gateway knows of a frame by its id alone. */
  readonly knownFrame: (frameId: string) => 'never-sent' | 'recent' | 'sent' | 'expired' | 'foreign';
}

export class ReservationLookup {
  readonly #options: ReservationLookupOptions;

  constructor(options: ReservationLookupOptions) {
    this.#options = options;
  }

  /**
   * @throws ProblemError `invalid`, `unknown-sale`, `unknown-reservation`
   * @throws Error when a store is away
   */
  async find(reservationId: string): Promise<ReservationView> {
    const ref = parseReservationId(reservationId);
    if (ref === undefined)
      throw new ProblemError(invalid([{ field: 'id', message: 'is not a reservation id' }]));
    const frame = ref.kind === 'framed' ? this.#options.knownFrame(ref.frameId) : 'foreign';
    if (frame === 'never-sent') throw unknown('No frame of this id was ever sent.');
    const outcome = await this.readOutcome(ref);
    if (outcome !== undefined) return viewOf(reservationId, outcome);
    if ((await this.#options.findSale(ref.saleId)) === undefined)
      throw new ProblemError(refusal('unknown-sale', `There is no sale ${ref.saleId}.`));
    // Just accepted: no need to ask Postgres, which hears of a grant after Redis does.
    if (frame === 'recent') return { reservationId, status: 'queued' };
    const units = await this.#options.readUnits(reservationId);
    if (units.length > 0) return viewOf(reservationId, { status: 'granted', units });
    if (frame === 'expired')
      throw unknown('It was accepted longer ago than refusals are kept, and it was not granted.');
    return { reservationId, status: 'queued' };
  }

  /**
   * The outcome in Redis; `undefined` while there is none.
   * @throws ProblemError when the frame has no such place
   */
  async readOutcome(ref: ReservationRef): Promise<Outcome | undefined> {
    const record = await this.#options.readRecord(ref);
    if (record === undefined) return undefined;
    try {
      return outcomeAt(record, ref.kind === 'framed' ? ref.index : 0);
    } catch (error) {
      if (error instanceof RecordError) throw unknown('Its frame has no such place.');
      throw error;
    }
  }
}

/** A reservation's outcome as the API tells it. */
export function viewOf(reservationId: string, outcome: Outcome): ReservationView {
  if (outcome.status === 'refused') return { reservationId, status: 'refused', reason: outcome.reason };
  const [unitNo] = outcome.units;
  if (unitNo === undefined) throw new RecordError(`${reservationId} was granted no unit`);
  return { reservationId, status: 'granted', units: [...outcome.units], unitNo };
}

function unknown(detail: string): ProblemError {
  return new ProblemError(refusal('unknown-reservation', detail));
}
