/** Sums the samples of all gateways and workers. A restarted service does not set the sums back. */
import type { GatewaySample, WorkerSample } from '../../services/shared/messages.ts';
import { addCoverages, type Coverage } from '../../services/shared/rare-paths.ts';

type ServiceSample = GatewaySample | WorkerSample;

/** ms without movement, while all workers wait, after which the queue is known to be empty. */
const IDLE_MS = 500;
/** ms for which the numbers of waiting reservations are kept. */
const HISTORY_MS = 2_000;
/** ms after which a silent service no longer holds back the moment for which the queue depth is computed. */
const STALE_MS = 1_000;

const NOTHING = {
  accepted: 0,
  frames: 0,
  rejected: 0,
  decided: 0,
  granted: 0,
  committed: 0,
  workerFrames: 0,
  framesToPostgres: 0,
  deadLettered: 0,
  repeatedFrames: 0,
  rebuilds: 0,
};
export type PipelineTotals = typeof NOTHING;

function addSample(totals: PipelineTotals, sample: ServiceSample): void {
  if (sample.role === 'gateway') {
    totals.accepted += sample.accepted;
    totals.frames += sample.frames;
    totals.rejected +=
      sample.rejected.client4xx + sample.rejected.soldOut409 + sample.rejected.unavailable503;
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

/** Reservations that a service has put into the queue so far, or taken out of it. */
function moved(sample: ServiceSample): number {
  return sample.role === 'gateway' ? sample.accepted : sample.decided;
}

/** How many reservations wait: in the queue for a decision, and in the gateways for the broker's confirm. */
export interface Waiting {
  readonly queueDepth: number;
  readonly unconfirmed: number;
}

interface Tail {
  readonly before: ServiceSample | undefined;
  readonly latest: ServiceSample;
}

/** A service's counter at a moment, interpolated between its last two samples. */
function movedAt({ before, latest }: Tail, atMs: number): number {
  if (!before || atMs >= latest.atMs) return moved(latest);
  const share = Math.max(0, (atMs - before.atMs) / (latest.atMs - before.atMs));
  return moved(before) + share * (moved(latest) - moved(before));
}

export class ServiceTotals {
  readonly #tails = new Map<string, Tail>();
  readonly #retired = { ...NOTHING };
  /** What ended services took of the rare paths. */
  #retiredCoverage: Coverage = {};
  /** Accepted less decided while the queue is known to be empty: killed services did not report these. */
  #lost = 0;
  #stillSinceMs = 0;
  #lastMoved = 0;
  /** How many waited at each sample, by our own clock. */
  #history: (Waiting & { readonly seenMs: number })[] = [];

  add(id: string, sample: ServiceSample): void {
    this.#tails.set(id, { before: this.#tails.get(id)?.latest, latest: sample });
    this.#remember();
    const { accepted, decided } = this.read();
    if (accepted + decided !== this.#lastMoved || !this.isIdle()) {
      this.#lastMoved = accepted + decided;
      this.#stillSinceMs = sample.atMs;
    } else if (sample.atMs - this.#stillSinceMs >= IDLE_MS) this.#lost = accepted - decided;
  }

  /** The service ended: its last sample stays in the sums. */
  retire(id: string): void {
    const tail = this.#tails.get(id);
    this.#tails.delete(id);
    if (!tail) return;
    addSample(this.#retired, tail.latest);
    this.#retiredCoverage = addCoverages([this.#retiredCoverage, tail.latest.rarePaths]);
  }

  /** Sums since the supervisor began. */
  read(): PipelineTotals {
    const totals = { ...this.#retired };
    for (const { latest } of this.#tails.values()) addSample(totals, latest);
    return totals;
  }

  /**
   * How often the engine took each rare path since the supervisor began. A killed service takes what it had not
   * sent with it: at most its last 100 ms.
   */
  coverage(): Coverage {
    const live = [...this.#tails.values()].map(({ latest }) => latest.rarePaths);
    return addCoverages([this.#retiredCoverage, ...live]);
  }

  /**
   * Reservations that the broker has confirmed and no worker has decided. Each service samples at its own
   * moments. At 30,000 a second, 100 ms between a gateway's sample and a worker's would show 3,000 too many,
   * so all are read as of one moment.
   */
  queueDepth(): number {
    const tails = [...this.#tails.values()];
    const newestMs = Math.max(...tails.map(({ latest }) => latest.atMs));
    const fresh = tails.filter(({ latest }) => newestMs - latest.atMs < STALE_MS);
    const momentMs = Math.min(...fresh.map(({ latest }) => latest.atMs));
    let depth = this.#retired.accepted - this.#retired.decided - this.#lost;
    for (const tail of tails) depth += movedAt(tail, momentMs) * (tail.latest.role === 'gateway' ? 1 : -1);
    return Math.max(0, Math.round(depth));
  }

  /** Reservations that wait for a confirm now. */
  unconfirmed(): number {
    let sum = 0;
    for (const { latest } of this.#tails.values())
      if (latest.role === 'gateway') sum += latest.unconfirmedNow;
    return sum;
  }

  /**
   * The most that waited at any sample since `sinceMs` (performance.now()), and now. Each service sends ten
   * samples a second: a queue that fills and empties between two samples is not seen.
   */
  peakSince(sinceMs: number): Waiting {
    const now = { queueDepth: this.queueDepth(), unconfirmed: this.unconfirmed() };
    return this.#history
      .filter(({ seenMs }) => seenMs >= sinceMs)
      .reduce<Waiting>(
        (peak, one) => ({
          queueDepth: Math.max(peak.queueDepth, one.queueDepth),
          unconfirmed: Math.max(peak.unconfirmed, one.unconfirmed),
        }),
        now,
      );
  }

  #remember(): void {
    const seenMs = performance.now();
    const [oldest] = this.#history;
    if (oldest && seenMs - oldest.seenMs > 2 * HISTORY_MS)
      this.#history = this.#history.filter((one) => seenMs - one.seenMs <= HISTORY_MS);
    this.#history.push({ seenMs, queueDepth: this.queueDepth(), unconfirmed: this.unconfirmed() });
  }

  /** Whether there are workers and none has a frame in hand. */
  isIdle(): boolean {
    const workers = [...this.#tails.values()].flatMap(({ latest }) =>
      latest.role === 'worker' ? [latest] : [],
    );
    return workers.length > 0 && workers.every((worker) => worker.framesInHandNow === 0);
  }

  latest(): ReadonlyMap<string, ServiceSample> {
    return new Map([...this.#tails].map(([id, { latest }]) => [id, latest]));
  }
}
