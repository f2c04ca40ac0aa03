/** A small sale after its attack, consistent in every way, for tests that then plant one fault. */
import { OutcomeColumns } from '../../control/audit/read-outcomes.ts';
import { joinTickets, prepareEvidence } from '../../control/audit/evidence.ts';
import type { Evidence } from '../../control/audit/evidence.ts';
import { indexFrames } from '../../control/audit/frame-index.ts';
import type { LoadLedger, RequestStatus } from '../../control/audit/ledger.ts';
import { framedId, keyedId } from '../../services/shared/ids.ts';

export interface WorldRequest {
  userId: string;
  status: RequestStatus;
  httpStatus: number;
  reservationId?: string;
  sentAtMs: number;
  answeredAtMs: number;
}

export interface WorldFrame {
  readonly id: string;
  codes: string[];
  grants: Map<number, number[]>;
}

/** How a request meets the gateway. `lost`: taken, but the answer never arrived. `dropped`: neither. */
export type Fortune = 'taken' | 'lost' | 'dropped' | 'failed' | 'rejected';

export interface WorldOptions {
  readonly saleId?: string;
  readonly stock: number;
  readonly perBuyerLimit?: number;
  readonly frameSize?: number;
  /** One a request. */
  readonly fortunes: readonly Fortune[];
  /** Buyers, by request; all different by default. */
  readonly buyers?: readonly number[];
}

export const SALE_ID = 'audited';

export class World {
  readonly sale: { id: string; stock: number; perBuyerLimit: number; status: 'open' | 'closed' };
  readonly requests: WorldRequest[] = [];
  readonly frames: WorldFrame[] = [];
  readonly tickets: { unit: number; reservationId: string; userId: string }[] = [];
  remaining: number;
  isKnownToRedis = true;
  queues = { waiting: 0, dead: 0, deadBefore: 0 };
  #open: WorldFrame | undefined;

  constructor(options: WorldOptions) {
    this.sale = {
      id: options.saleId ?? SALE_ID,
      stock: options.stock,
      perBuyerLimit: options.perBuyerLimit ?? 1,
      status: 'open',
    };
    this.remaining = options.stock;
    const held = new Map<string, number>();
    options.fortunes.forEach((fortune, at) => {
      const userId = `buyer-${options.buyers?.[at] ?? at}`;
      const request: WorldRequest = {
        userId,
        status: 'unknown',
        httpStatus: 0,
        sentAtMs: at,
        answeredAtMs: NaN,
      };
      this.requests.push(request);
      // A gateway only turns away once it knows that the sale is sold out.
      const isRejected = fortune === 'rejected' && this.remaining === 0;
      if (isRejected) Object.assign(request, { status: 'rejected', httpStatus: 409, answeredAtMs: at + 5 });
      if (fortune === 'dropped' || isRejected) return;
      const reservationId = this.#decide(userId, held, options.frameSize ?? 3);
      if (fortune === 'lost') return;
      if (fortune === 'failed')
        Object.assign(request, { status: 'rejected', httpStatus: 503, answeredAtMs: at + 5 });
      else
        Object.assign(request, {
          status: 'accepted',
          httpStatus: 202,
          reservationId,
          answeredAtMs: at + 5,
        });
    });
  }

  #decide(userId: string, held: Map<string, number>, frameSize: number): string {
    if (!this.#open || this.#open.codes.length >= frameSize) {
      this.#open = { id: `gateway1-${this.frames.length.toString(36)}`, codes: [], grants: new Map() };
      this.frames.push(this.#open);
    }
    const frame = this.#open;
    const index = frame.codes.length;
    const reservationId = framedId(this.sale.id, frame.id, index);
    const has = held.get(userId) ?? 0;
    if (has >= this.sale.perBuyerLimit) frame.codes.push('L');
    else if (this.remaining === 0) frame.codes.push('S');
    else {
      const unit = this.sale.stock - this.remaining + 1;
      this.remaining--;
      held.set(userId, has + 1);
      frame.codes.push('G');
      frame.grants.set(index, [unit]);
      this.tickets.push({ unit, reservationId, userId });
    }
    return reservationId;
  }

  /** Makes a request's reservation one under a key, which its buyer then sends again. */
  sendAgain(request: number, sentAtMs: number): void {
    const { frame, place } = this.locate(request);
    const found = this.requests[request];
    const was = found?.reservationId;
    if (!found || was === undefined) throw new Error(`request ${request} has no reservation`);
    const digest = String(request).padStart(22, 'k');
    const id = keyedId(this.sale.id, digest);
    const units = frame.grants.get(place);
    this.frames.push({
      id: digest,
      codes: [frame.codes[place] ?? ''],
      grants: new Map(units ? [[0, units]] : []),
    });
    for (const ticket of this.tickets) if (ticket.reservationId === was) ticket.reservationId = id;
    found.reservationId = id;
    this.requests.push({ ...found, sentAtMs, answeredAtMs: sentAtMs + 5 });
  }

  /** The frame and the place of a request's reservation. */
  locate(request: number): { frame: WorldFrame; place: number } {
    const [, frameId, place] = this.requests[request]?.reservationId?.split('.') ?? [];
    const frame = this.frames.find(({ id }) => id === frameId);
    if (!frame) throw new Error(`request ${request} has no frame`);
    return { frame, place: Number(place) };
  }

  ledger(): LoadLedger {
    const at = (index: number): WorldRequest => {
      const request = this.requests[index];
      if (!request) throw new Error(`no request ${index}`);
      return request;
    };
    return {
      count: this.requests.length,
      userId: (index) => at(index).userId,
      status: (index) => at(index).status,
      reservationId: (index) => at(index).reservationId,
      httpStatus: (index) => at(index).httpStatus,
      sentAtMs: (index) => at(index).sentAtMs,
      answeredAtMs: (index) => at(index).answeredAtMs,
    };
  }

  evidence(): Evidence {
    const ledger = this.ledger();
    const tickets = {
      count: this.tickets.length,
      unitNo: Int32Array.from(this.tickets, ({ unit }) => unit),
      reservationId: this.tickets.map(({ reservationId }) => reservationId),
      userId: this.tickets.map(({ userId }) => userId),
    };
    const join = joinTickets(ledger, tickets);
    const index = indexFrames(this.sale.id, ledger, join.strays);
    const outcomes = new OutcomeColumns(ledger.count + join.strays.length);
    const texts = new Map(this.frames.map((frame) => [frame.id, recordText(frame)]));
    for (const record of index.records) {
      const text = texts.get(record.id);
      if (text !== undefined) outcomes.add(record, text);
    }
    return prepareEvidence({
      sale: this.sale,
      ledger,
      tickets,
      join,
      outcomes,
      duplicates: index.duplicates,
      repeats: index.repeats,
      counters: this.isKnownToRedis ? { remaining: this.remaining } : undefined,
      queues: this.queues,
    });
  }
}

/** A frame's record as decide-frame.lua writes it. */
export function recordText({ codes, grants }: WorldFrame): string {
  const [first] = codes;
  const folded = codes.every((code) => code === first) ? `*${first ?? ''}` : codes.join('');
  return `1|${folded}|${[...grants].map(([index, units]) => `${index}:${units.join(',')}`).join(';')}`;
}
