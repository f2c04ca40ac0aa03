/** Sums the samples of all gateways and workers, so that a restarted one does not set the engine's counters back. */
import type { GatewaySample, WorkerSample } from '../../../services/shared/messages.ts';

export interface EngineTotals {
  accepted: number;
  frames: number;
  turnedAway: number;
  decided: number;
  granted: number;
  committed: number;
  workerFrames: number;
  framesToPostgres: number;
  deadLettered: number;
  repeatedFrames: number;
  rebuilds: number;
}

const zero = (): EngineTotals => ({
  accepted: 0,
  frames: 0,
  turnedAway: 0,
  decided: 0,
  granted: 0,
  committed: 0,
  workerFrames: 0,
  framesToPostgres: 0,
  deadLettered: 0,
  repeatedFrames: 0,
  rebuilds: 0,
});

function addSample(totals: EngineTotals, sample: GatewaySample | WorkerSample): void {
  if (sample.role === 'gateway') {
    totals.accepted += sample.accepted;
    totals.frames += sample.frames;
    totals.turnedAway += sample.refused.client4xx + sample.refused.soldOut409 + sample.refused.unavailable503;
  } else {
    totals.decided += sample.decided;
    totals.granted += sample.granted;
    totals.committed += sample.ticketsCommitted;
    totals.workerFrames += sample.frames;
    totals.framesToPostgres += sample.framesToPostgres;
    totals.deadLettered += sample.deadLettered;
    totals.repeatedFrames += sample.repeatedFrames;
    totals.rebuilds += sample.rebuilds;
  }
}

export class ServiceTotals {
  readonly #latest = new Map<string, GatewaySample | WorkerSample>();
  readonly #retired = zero();

  take(id: string, sample: GatewaySample | WorkerSample): void {
    this.#latest.set(id, sample);
  }

  /** The child ended: its last sample stays in the sums. */
  retire(id: string): void {
    const last = this.#latest.get(id);
    this.#latest.delete(id);
    if (last) addSample(this.#retired, last);
  }

  /** Sums since the supervisor began. */
  read(): EngineTotals {
    const totals = { ...this.#retired };
    for (const sample of this.#latest.values()) addSample(totals, sample);
    return totals;
  }

  /** Reservations that wait for a confirm now. */
  unconfirmed(): number {
    let sum = 0;
    for (const sample of this.#latest.values()) if (sample.role === 'gateway') sum += sample.unconfirmedNow;
    return sum;
  }

  /** There is a worker, and none has a frame in hand. */
  isIdle(): boolean {
    const workers = [...this.#latest.values()].filter((sample) => sample.role === 'worker');
    return workers.length > 0 && workers.every((worker) => worker.framesInHandNow === 0);
  }

  latest(): ReadonlyMap<string, GatewaySample | WorkerSample> {
    return this.#latest;
  }
}
