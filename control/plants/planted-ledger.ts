import type { LoadLedger } from '../audit/ledger.ts';

/** What the load generator saw of one request, where a planted defect says otherwise. */
export interface Sight {
  readonly userId?: string;
  readonly sentAtMs?: number;
  readonly answeredAtMs?: number;
}

/** A ledger in which single requests can be changed. */
export class PlantedLedger implements LoadLedger {
  readonly #seen: LoadLedger;
  readonly #changed = new Map<number, Sight>();

  constructor(seen: LoadLedger) {
    this.#seen = seen;
  }

  change(request: number, sight: Sight): void {
    this.#changed.set(request, sight);
  }

  get count(): number {
    return this.#seen.count;
  }
  userId(request: number): string {
    return this.#changed.get(request)?.userId ?? this.#seen.userId(request);
  }
  status(request: number): ReturnType<LoadLedger['status']> {
    return this.#seen.status(request);
  }
  reservationId(request: number): string | undefined {
    return this.#seen.reservationId(request);
  }
  httpStatus(request: number): number {
    return this.#seen.httpStatus(request);
  }
  sentAtMs(request: number): number {
    return this.#changed.get(request)?.sentAtMs ?? this.#seen.sentAtMs(request);
  }
  answeredAtMs(request: number): number {
    return this.#changed.get(request)?.answeredAtMs ?? this.#seen.answeredAtMs(request);
  }
}
