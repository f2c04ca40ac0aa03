/**
 * Looks up the outcome of a reservation. Redis has every outcome as long as records are kept; Postgres has
 * every grant. Redis grants before Postgres has the tickets, so a reservation counts as queued until its
 * tickets are committed. This costs one query for each granted reservation that is looked up, and there are
 * no more of them than units.
 */
import { z } from 'zod';
import { parseReservationId } from '../shared/ids.ts';
import type { FramedRef, ReservationRef } from '../shared/ids.ts';
import type { RareCounts } from '../shared/rare-paths.ts';
import { RecordError, epochOf, outcomeAt } from '../shared/outcomes.ts';
import type { Outcome } from '../shared/outcomes.ts';
import type { SaleFacts } from '../shared/sales.ts';
import { ProblemError, invalid, rejection } from './problems.ts';

export const reservationViewSchema = z.union([
  z.object({
    reservationId: z.string(),
    status: z
      .literal('queued')
      .describe('Accepted, but not decided yet, or its tickets are not committed yet. Ask again.'),
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

export interface TicketsOfReservation {
  readonly units: readonly number[];
  /** Epoch that the sale's latest reset started; 0 when it was never reset. */
  readonly resetEpoch: number;
}

export interface ReservationLookupOptions {
  readonly findSale: (saleId: string) => Promise<SaleFacts | undefined>;
  readonly readRecord: (ref: ReservationRef) => Promise<string | undefined>;
  readonly readTickets: (saleId: string, reservationId: string) => Promise<TicketsOfReservation>;
  readonly rare: RareCounts<'gateway'>;
  /** What this gateway knows of a frame by its id alone. */
  readonly knownFrame: (ref: FramedRef) => 'never-sent' | 'recent' | 'sent' | 'expired' | 'foreign';
}

export class ReservationLookup {
  readonly #options: ReservationLookupOptions;
  /** Queries under way, by reservation: while Postgres hangs, repeated look-ups share one. */
  readonly #asking = new Map<string, Promise<TicketsOfReservation>>();

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
    const frame = ref.kind === 'framed' ? this.#options.knownFrame(ref) : 'foreign';
    if (frame === 'never-sent') throw unknown('No frame of this id was ever sent.');
    const outcome = await this.#look(reservationId, ref);
    if (outcome === 'uncommitted') return { reservationId, status: 'queued' };
    if (outcome !== undefined) return viewOf(reservationId, outcome);
    if ((await this.#options.findSale(ref.saleId)) === undefined)
      throw new ProblemError(rejection('unknown-sale', `There is no sale ${ref.saleId}.`));
    // Just accepted: no need to ask Postgres, which gets a grant after Redis.
    if (frame === 'recent') return { reservationId, status: 'queued' };
    const { units } = await this.#tickets(ref.saleId, reservationId);
    if (units.length > 0) {
      this.#options.rare.lookupFromPostgres++;
      return viewOf(reservationId, { status: 'granted', units });
    }
    if (frame === 'expired')
      throw unknown('It was accepted longer ago than refusals are kept, and it was not granted.');
    return { reservationId, status: 'queued' };
  }

  /**
   * The outcome while Redis has a record of it; `undefined` before it is decided and, if granted, committed.
   * @throws ProblemError when the frame has no such place
   * @throws Error when a store is away
   */
  async readOutcome(reservationId: string, ref: ReservationRef): Promise<Outcome | undefined> {
    const outcome = await this.#look(reservationId, ref);
    return outcome === 'uncommitted' ? undefined : outcome;
  }

  async #look(reservationId: string, ref: ReservationRef): Promise<Outcome | 'uncommitted' | undefined> {
    const record = await this.#options.readRecord(ref);
    if (record === undefined) return undefined;
    let outcome: Outcome;
    try {
      outcome = outcomeAt(record, ref.kind === 'framed' ? ref.index : 0);
    } catch (error) {
      if (error instanceof RecordError) throw unknown('Its frame has no such place.');
      throw error;
    }
    if (outcome.status === 'refused') return outcome;
    const { units, resetEpoch } = await this.#tickets(ref.saleId, reservationId);
    if (units.length > 0) return { status: 'granted', units };
    // A reset has deleted its tickets, or they can't be committed any more. Epoch 0 is a key's grant, which
    // is current.
    const epoch = epochOf(record);
    if (epoch > 0 && epoch < resetEpoch) {
      this.#options.rare.lookupAfterReset++;
      return { status: 'refused', reason: 'sale_reset' };
    }
    this.#options.rare.lookupBeforeCommit++;
    return 'uncommitted';
  }

  #tickets(saleId: string, reservationId: string): Promise<TicketsOfReservation> {
    let asking = this.#asking.get(reservationId);
    if (asking === undefined) {
      asking = this.#options
        .readTickets(saleId, reservationId)
        .finally(() => this.#asking.delete(reservationId));
      this.#asking.set(reservationId, asking);
    }
    return asking;
  }
}

/** An outcome as the API answers it. */
export function viewOf(reservationId: string, outcome: Outcome): ReservationView {
  if (outcome.status === 'refused') return { reservationId, status: 'refused', reason: outcome.reason };
  const [unitNo] = outcome.units;
  if (unitNo === undefined) throw new RecordError(`${reservationId} was granted no unit`);
  return { reservationId, status: 'granted', units: [...outcome.units], unitNo };
}

function unknown(detail: string): ProblemError {
  return new ProblemError(rejection('unknown-reservation', detail));
}
