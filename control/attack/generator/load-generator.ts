/**
 * Sends the requests of one process and notes what became of each. A request is taken from one pool by any
 * free connection, so the total is exact whatever the connections meet.
 *
 * A lane (connection) is free → outstanding (`onFree` took a request) → free (`onAnswer`, `onLost`, time-out)
 * … → finished (pool empty); from free it may go to waiting: for the schedule, or for its back-off after a
 * lost connection.
 */
import { performance } from 'node:perf_hooks';
import autocannon from 'autocannon';
import { backoffMs } from '../../../services/shared/backoff.ts';
import { SLOW_READ_MS } from '../../../contract/behaviours.ts';
import { FailureError } from '../../../contract/failure.ts';
import { paceOf, type Pace } from '../../../contract/load-stages.ts';
import { answerCause, isUndecided, lossCause } from './answer-cause.ts';
import { Lane, asAutocannonClient, type LaneEvents } from './autocannon-hooks.ts';
import { Crowd } from '../protocol/crowd.ts';
import { IntervalCounter } from './interval-counter.ts';
import {
  shareOf,
  type GeneratorJob,
  type IntervalMessage,
  type ResultMessage,
  BURST_STEP_MS,
  INTERVAL_MS,
  IN_TIME_MS,
} from '../protocol/generator-messages.ts';
import { LOCAL_LIMITS } from '../protocol/local-limits.ts';
import { LaneQueue } from './lane-queue.ts';
import { latenciesOf } from './latencies.ts';
import { LoopLagMeter } from './loop-lag.ts';
import { readReservationId } from './reply.ts';
import { RequestLog } from '../protocol/request-log.ts';
import { RequestTemplate, type RequestBytes } from './request-template.ts';
import type { ShopClient } from './shop-client.ts';

/**
 * ms without any answer, although requests were waiting for one, after which the gateways count as gone;
 * never less than a request's own time-out.
 */
const GIVE_UP_MS = 10_000;
/** ms between two sweeps, which come every 100 ms at the latest, after which this process has stood still. */
const STOOD_STILL_MS = 1_500;
const BACKOFF = { firstMs: 20, maxMs: 500 };
export interface GeneratorOptions {
  readonly job: GeneratorJob;
  /** The moment 0 of the attack, on the clock of `performance.now()`. */
  readonly startMs: number;
  /** How to talk to a shop that is not ours. */
  readonly shop?: ShopClient | undefined;
  onInterval(interval: IntervalMessage): void;
}

export class LoadGenerator implements LaneEvents {
  readonly log: RequestLog;
  readonly #job: GeneratorJob;
  readonly #startMs: number;
  readonly #shop: ShopClient | undefined;
  readonly #crowd: Crowd;
  /** Missing for a burst. */
  readonly #pace: Pace | undefined;
  readonly #count: number;
  readonly #connections: number;
  readonly #lanes: Lane[] = [];
  readonly #waiting: LaneQueue<Lane>;
  readonly #intervals: IntervalCounter;
  readonly #lag = new LoopLagMeter();
  readonly #statusCounts = new Map<number, number>();
  readonly #causes = new Map<string, number>();
  readonly #templates = new Map<string, RequestBytes>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #next = 0;
  #resolved = 0;
  #accepted = 0;
  #unknown = 0;
  #firstSentMs = 0;
  #lastAnswerMs = 0;
  #endMs = 0;
  /** Requests that will be sent; lowered when the attack is given up or its time is over. */
  #limit: number;
  /** Since when requests have been waiting without any answer; `undefined` after an answer. */
  #silentSinceMs: number | undefined;
  #sweptMs = 0;
  /** When this process went on after it had stood still. No gateway is to blame for the time before. */
  #awakeSinceMs = 0;
  #gaveUp: ResultMessage['gaveUp'];
  /** Connections that this machine could not open. */
  #unopened = 0;
  #lateForConnections = 0;
  #lateForGenerator = 0;
  #dueTimer: NodeJS.Timeout | undefined;
  #sweepTimer: NodeJS.Timeout | undefined;
  readonly #trackers: autocannon.Instance[] = [];
  #settle: { resolve(): void; reject(error: Error): void } | undefined;

  constructor(options: GeneratorOptions) {
    const { job } = options;
    this.#job = job;
    this.#startMs = options.startMs;
    this.#shop = options.shop;
    this.#crowd = new Crowd(job, job.totalRequests);
    this.#pace = job.pace && paceOf(job.pace);
    this.#count = shareOf(job.totalRequests, job.processIndex, job.processes);
    this.#limit = this.#count;
    this.#connections = Math.min(job.connections, this.#count);
    this.#waiting = new LaneQueue(this.#connections);
    this.log = new RequestLog(this.#count);
    this.#intervals = new IntervalCounter(
      () => this.#nowMs(),
      this.#lag,
      (interval) => options.onInterval(interval),
      job.pace ? INTERVAL_MS : BURST_STEP_MS,
    );
  }

  /**
   * Runs the attack to its end: every request answered or given up. When no gateway answers any more, the
   * rest is not sent, and the result says so.
   * @throws FailureError `attack.localLimit`, `attack.autocannonChanged`, `attack.cancelled`
   */
  async run(): Promise<ResultMessage> {
    const cpu = process.cpuUsage();
    try {
      await new Promise<void>((resolve, reject) => {
        this.#settle = { resolve, reject };
        this.#intervals.start();
        this.#fire();
      });
    } finally {
      this.#stop();
    }
    this.#intervals.finish(this.#endMs);
    const used = process.cpuUsage(cpu);
    return {
      type: 'result',
      asked: this.#count,
      sent: this.#next,
      accepted: this.#accepted,
      rejected: this.#resolved - this.#accepted - this.#unknown,
      unknown: this.#unknown,
      firstSentMs: this.#firstSentMs,
      lastAnswerMs: this.#lastAnswerMs,
      endMs: this.#endMs,
      firstWaveMs: this.#sentAtMs(Math.min(this.#connections, this.#next) - 1),
      lastSentMs: this.#sentAtMs(this.#next - 1),
      latencies: latenciesOf(this.log.columns, this.#pace && ((index) => this.#dueMs(index)), (index) =>
        this.#isReadLate(index),
      ),
      statusCounts: Object.fromEntries([...this.#statusCounts].map(([status, n]) => [String(status), n])),
      loopLag: this.#lag.histogram.data(),
      cpuMicros: used.user + used.system,
      lateForConnections: this.#lateForConnections,
      lateForGenerator: this.#lateForGenerator,
      causes: Object.fromEntries(this.#causes),
      ...(this.#gaveUp ? { gaveUp: this.#gaveUp } : {}),
    };
  }

  /** Ends a running attack at once; `run` rejects. */
  cancel(): void {
    this.#fail({ code: 'attack.cancelled', message: 'The attack was cancelled.', fix: 'Start it again.' });
  }

  onFree(lane: Lane): void {
    if (this.#next >= this.#limit) return this.#retire(lane);
    const nowMs = this.#nowMs();
    const dueMs = this.#dueMs(this.#next);
    if (dueMs > nowMs) {
      lane.isWaiting = true;
      this.#waiting.push(lane);
      this.#armDueTimer(dueMs - nowMs);
      return;
    }
    if (nowMs - dueMs > IN_TIME_MS && this.#pace) {
      if (this.#waiting.size > 0) this.#lateForGenerator++;
      else this.#lateForConnections++;
    }
    this.#send(lane, nowMs);
  }

  onAnswer(lane: Lane, status: number, body: string): void {
    const nowMs = this.#nowMs();
    const { index } = lane;
    this.#statusCounts.set(status, (this.#statusCounts.get(status) ?? 0) + 1);
    this.#silentSinceMs = undefined;
    const told = this.#shop?.read(status, body);
    const isAccepted = told === undefined ? status === 202 : told.cause === undefined;
    const cause = isAccepted ? undefined : (told?.cause ?? answerCause(status, body));
    if (cause !== undefined) this.#countCause(cause);
    if (cause !== undefined && (told === undefined ? isUndecided(status, cause) : told.isUndecided)) {
      // Taken or not: only the audit can tell. It is no answer to the buyer's question.
      this.log.recordAnswer(index, 'unknown', status, nowMs * 1000);
      const reservationId = told === undefined ? readReservationId(body) : undefined;
      if (reservationId !== undefined) this.log.recordReservation(index, reservationId);
      this.#unknown++;
      this.#intervals.countUnknown(nowMs);
      this.#resolve(nowMs);
      return;
    }
    const fromMs = this.#pace ? this.#dueMs(index) : lane.sentMs;
    this.log.recordAnswer(index, isAccepted ? 'accepted' : 'rejected', status, nowMs * 1000);
    if (isAccepted) {
      this.#accepted++;
      const reservationId = told === undefined ? readReservationId(body) : told.note;
      if (reservationId !== undefined) this.log.recordReservation(index, reservationId);
    } else if (told !== undefined) this.log.recordReservation(index, told.note);
    const latencyUs = (nowMs - fromMs) * 1000;
    this.#intervals.countAnswer(isAccepted, this.#isReadLate(index) ? undefined : latencyUs, nowMs);
    this.#lastAnswerMs = nowMs;
    this.#resolve(nowMs);
  }

  onWritten(lane: Lane): void {
    this.#giveUp(lane, 'left');
    lane.expire();
    this.#freeAfter(lane, 0);
  }

  onLost(lane: Lane, error: NodeJS.ErrnoException | undefined): void {
    // Closed while it waited: the next request opens a new one.
    if (lane.index < 0) return;
    const cause = lossCause(error);
    const nowMs = this.#nowMs();
    this.#giveUp(lane, cause);
    const fix = LOCAL_LIMITS[cause];
    if (error && fix !== undefined) return this.#doWithout(lane, error, fix);
    lane.failures++;
    this.#noteSilence(nowMs, nowMs, cause);
    this.#freeAfter(lane, lane.failures < 2 ? 0 : backoffMs(BACKOFF, lane.failures - 2));
  }

  /** This machine can't open the connection: the others carry its share. Without any other the attack fails. */
  #doWithout(lane: Lane, error: Error, fix: string): void {
    lane.finish();
    if (++this.#unopened < this.#lanes.length || this.#next >= this.#limit) return;
    this.#fail({
      code: 'attack.localLimit',
      message: `The load generator could not open its connections: ${error.message}`,
      fix,
      field: 'connections',
    });
  }

  // ── Sending ───────────────────────────────────────────────────────────────────────────────────────────────

  /** One autocannon for each gateway; together they open all connections. */
  #fire(): void {
    const { targets, processIndex } = this.#job;
    try {
      targets.forEach((base, at) => {
        // Turned by the process's index, so that a remainder does not always fall to the first gateway.
        const place = (at + processIndex) % targets.length;
        const connections = shareOf(this.#connections, place, targets.length);
        if (connections === 0) return;
        const options = {
          url: this.#shop ? base : new URL('reserve', base.endsWith('/') ? base : `${base}/`).href,
          connections,
          amount: this.#count,
          workers: 0,
          // Ours counts ms (see #sweep); autocannon's is off, and only has to be valid.
          timeout: 3_600,
          sampleInt: 50,
          setupClient: (client: unknown) => this.#adopt(client),
          skipAggregateResult: true,
          histograms: { latencies: NO_HISTOGRAM, requests: NO_HISTOGRAM, throughput: NO_HISTOGRAM },
        };
        const tracker = autocannon(options, (error: unknown) => {
          if (error) this.#settle?.reject(asError(error));
        });
        this.#trackers.push(tracker);
      });
    } catch (error) {
      this.#settle?.reject(asError(error));
      return;
    }
    const sweepMs = Math.min(100, Math.max(5, this.#job.timeoutMs / 20));
    this.#sweepTimer = setInterval(() => this.#sweep(), sweepMs);
    // After the burst of opening connections, which blocks the loop by its nature.
    setImmediate(() => this.#lag.start());
  }

  #adopt(raw: unknown): void {
    const client = asAutocannonClient(raw);
    const { host, path } = client.opts;
    let template = this.#templates.get(host);
    if (!template) {
      template =
        this.#shop?.template(host, this.#crowd) ??
        new RequestTemplate(host, path, this.#job.saleId, this.#crowd);
      this.#templates.set(host, template);
    }
    this.#lanes.push(new Lane(client, template, this, Math.min(SLOW_READ_MS, this.#job.timeoutMs / 2)));
  }

  #send(lane: Lane, nowMs: number): void {
    const index = this.#next++;
    if (index === 0) this.#firstSentMs = nowMs;
    this.log.recordSent(index, nowMs * 1000);
    this.#intervals.countSent(nowMs);
    const number = this.#numberOf(index);
    lane.send(index, number, nowMs, this.#crowd.behaviour(number)?.manner);
  }

  /** The number of a request of this process in the whole attack. */
  #numberOf(index: number): number {
    return index * this.#job.processes + this.#job.processIndex;
  }

  /** Whether the buyer left the answer unread for a while: that is no latency of the system. */
  #isReadLate(index: number): boolean {
    return this.#crowd.behaviour(this.#numberOf(index))?.manner === 'slow';
  }

  #sentAtMs(index: number): number {
    return (this.log.columns.sentUs[index] ?? 0) / 1000;
  }

  /** When a request of this process is due; 0 for a burst. */
  #dueMs(index: number): number {
    return this.#pace?.dueMs(this.#numberOf(index)) ?? 0;
  }

  #armDueTimer(inMs: number): void {
    this.#dueTimer ??= setTimeout(() => this.#sendDue(), Math.max(1, inMs));
  }

  #sendDue(): void {
    this.#dueTimer = undefined;
    let nowMs = this.#nowMs();
    while (this.#next < this.#limit) {
      const dueMs = this.#dueMs(this.#next);
      if (dueMs > nowMs) nowMs = this.#nowMs();
      if (dueMs > nowMs) {
        if (this.#waiting.size > 0) this.#armDueTimer(dueMs - nowMs);
        return;
      }
      const lane = this.#waiting.shift();
      if (!lane) return;
      lane.isWaiting = false;
      if (nowMs - dueMs > IN_TIME_MS) this.#lateForGenerator++;
      this.#send(lane, nowMs);
    }
    for (let lane = this.#waiting.shift(); lane; lane = this.#waiting.shift()) this.#retire(lane);
  }

  /** Nothing is left to send. Under a rate the connection stays open to the end: closing many would delay the last answers. */
  #retire(lane: Lane): void {
    if (this.#pace) lane.isWaiting = true;
    else lane.finish();
  }

  #freeAfter(lane: Lane, delayMs: number): void {
    lane.isWaiting = true;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      lane.isWaiting = false;
      this.onFree(lane);
    }, delayMs);
    this.#timers.add(timer);
  }

  // ── Endings ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Time-outs of all lanes at once: twenty thousand comparisons cost less than twenty thousand timers. */
  #sweep(): void {
    const nowMs = this.#nowMs();
    const { timeoutMs } = this.#job;
    if (this.#sweptMs > 0 && nowMs - this.#sweptMs > STOOD_STILL_MS) {
      this.#awakeSinceMs = nowMs;
      this.#silentSinceMs = undefined;
    }
    this.#sweptMs = nowMs;
    // Under a rate the attack has an end: what could not leave a time-out after it is not sent any more.
    if (this.#pace && nowMs > this.#pace.endMs + timeoutMs) this.#sendNoMore(nowMs);
    for (const lane of this.#lanes) {
      if (lane.index < 0 || Math.max(lane.sentMs, this.#awakeSinceMs) > nowMs - timeoutMs) continue;
      const { sentMs } = lane;
      this.#giveUp(lane, 'timeout');
      lane.expire();
      this.#noteSilence(sentMs, nowMs, 'timeout');
      this.#freeAfter(lane, 0);
    }
  }

  /** The outstanding request will have no answer. */
  #giveUp(lane: Lane, cause: string): void {
    this.log.recordUnknown(lane.index);
    lane.index = -1;
    this.#unknown++;
    this.#countCause(cause);
    const nowMs = this.#nowMs();
    this.#intervals.countUnknown(nowMs);
    this.#resolve(nowMs);
  }

  #countCause(cause: string): void {
    this.#causes.set(cause, (this.#causes.get(cause) ?? 0) + 1);
  }

  #resolve(nowMs: number): void {
    this.#resolved++;
    this.#endWhenResolved(nowMs);
  }

  #endWhenResolved(nowMs: number): void {
    if (this.#resolved < this.#limit || this.#endMs > 0) return;
    this.#endMs = nowMs;
    this.#settle?.resolve();
  }

  #sendNoMore(nowMs: number): void {
    this.#limit = this.#next;
    this.#endWhenResolved(nowMs);
  }

  /**
   * A request that was sent at `sentMs` got no answer: when nobody has had one for too long, the gateways
   * count as gone.
   */
  #noteSilence(sentMs: number, nowMs: number, cause: string): void {
    this.#silentSinceMs ??= Math.max(sentMs, this.#lastAnswerMs, this.#awakeSinceMs);
    const silentMs = nowMs - this.#silentSinceMs;
    if (this.#gaveUp !== undefined || silentMs < Math.max(GIVE_UP_MS, this.#job.timeoutMs)) return;
    if (this.#next >= this.#count) return;
    this.#gaveUp = { silentMs, cause, unsent: this.#count - this.#next };
    this.#limit = this.#next;
    for (const lane of this.#lanes) {
      if (lane.index < 0) continue;
      this.#giveUp(lane, 'timeout');
      lane.hangUp();
    }
    this.#endWhenResolved(nowMs);
  }

  #fail(failure: FailureError['failure']): void {
    this.#settle?.reject(new FailureError(failure));
  }

  #stop(): void {
    clearTimeout(this.#dueTimer);
    clearInterval(this.#sweepTimer);
    for (const timer of this.#timers) clearTimeout(timer);
    this.#lag.stop();
    this.#intervals.stop();
    for (const lane of this.#lanes) lane.finish();
    for (const tracker of this.#trackers) tracker.stop();
  }

  #nowMs(): number {
    return performance.now() - this.#startMs;
  }
}

/** In the place of autocannon's histograms, which count in whole ms and would only cost time. */
const NO_HISTOGRAM = {
  __custom: true,
  recordValue: () => undefined,
  recordValueWithExpectedInterval: () => undefined,
  reset: () => undefined,
  destroy: () => undefined,
};

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
