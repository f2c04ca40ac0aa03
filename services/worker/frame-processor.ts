/**
 * Processes one frame: decides it in Redis, commits its grants to Postgres and publishes its outcomes. Then
 * it may be acked. Each step gives the same result when it runs twice, so a frame may stop anywhere and start
 * again.
 *
 *   deciding ─(grants)─► recording ─► publishing ─► done
 *   deciding ─(no grants)─► publishing
 *   deciding ─(Redis does not know the sale, or has started again)─► rebuilding ─► deciding
 *   recording ─(Postgres refuses)─► rebuilding ─► deciding
 *   rebuilding ─(Postgres does not know the sale either)─► FrameError
 */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { encodeOutcomeEvent } from '../shared/events.ts';
import { FrameError } from '../shared/frame.ts';
import type { Frame } from '../shared/frame.ts';
import { framedId, keyedId } from '../shared/ids.ts';
import { RECORD_RETENTION_MS } from '../shared/keys.ts';
import { parseRecord } from '../shared/outcomes.ts';
import type { RareCounts } from '../shared/rare-paths.ts';
import { REBUILD_DEFAULTS, rebuildSale } from '../shared/rebuild.ts';
import type { RebuildRequest, RebuildResult } from '../shared/rebuild.ts';
import type { Decision, HeldEpoch, SaleStore, UndecidedFrame } from '../shared/sale-store.ts';
import { saleFactsSchema } from '../shared/sales.ts';
import { step } from '../shared/stop-points.ts';
import type { WorkerCounters } from './counters.ts';
import { entriesOf, undecidedFrame } from './frame-text.ts';
import { RecentSales } from './recent-sales.ts';
import { isFinal, whileAway } from './retry.ts';
import type { RetryOptions } from './retry.ts';
import type { GrantBatch, NewTicket, TicketWriter } from './ticket-writer.ts';

/** Rebuilds for one frame. If more are needed, something else is wrong. */
const MAX_REBUILDS = 5;
/** ms before the end of its retention in which a record counts as expired. */
const RETENTION_MARGIN_MS = 60_000;

type Decided = Exclude<Decision, { status: 'unknownSale' }>;

interface FirstDecision {
  readonly decision: Decision;
  readonly lostConnections: number;
}

export interface ProcessorParts {
  readonly store: SaleStore;
  readonly pool: pg.Pool;
  readonly writer: TicketWriter;
  readonly counters: WorkerCounters;
  readonly retry: RetryOptions;
  /** Called after each rebuild. */
  readonly onRebuild: (request: RebuildRequest, result: RebuildResult) => void;
}

export type StepName = 'lua' | 'commit' | 'rebuild' | 'outcome';

/** Told which step of a traced frame begins. */
export type FrameSteps = (name: StepName) => void;

/** The rare path that each end of a rebuild is. */
const RARE_REBUILDS = {
  rebuilt: 'saleRebuilt',
  current: 'rebuildNotNeeded',
  superseded: 'rebuildGaveWay',
} as const;

export class FrameProcessor {
  readonly #parts: ProcessorParts;
  /** Rebuilds under way, by sale. Frames that need the same one share it. */
  readonly #rebuilds = new Map<string, Promise<RebuildResult>>();
  readonly #sales = new RecentSales();

  constructor(parts: ProcessorParts) {
    this.#parts = parts;
  }

  /**
   * Decides, records and publishes the frames of one message, each as `process` does. Nearly all of a flash sale are new
   * and refused as a whole: those share a publication and one look whether it was delivered. The others go on alone.
   * @param alone processes a frame that came again or is traced
   */
  async processSeveral(
    frames: readonly Frame[],
    isRedelivered: boolean,
    alone: (frame: Frame, isRedelivered: boolean) => Promise<void>,
  ): Promise<readonly PromiseSettledResult<void>[]> {
    const { store, counters } = this.#parts;
    const age = Date.now() - (frames[0]?.closedAtMs ?? 0);
    if (isRedelivered || frames[0]?.isReplayed === true || age >= RECORD_RETENTION_MS - RETENTION_MARGIN_MS)
      return Promise.allSettled(frames.map((frame) => alone(frame, isRedelivered)));
    counters.frameAgeMs = Math.max(0, age);
    const { lostConnections } = store;
    const first = await Promise.all(frames.map((frame) => this.#decideFirst(frame)));
    const refused: Frame[] = [];
    const events: string[] = [];
    const ends = frames.map((frame, at) => {
      const decision = first[at];
      if (decision === undefined) return alone(frame, false);
      if (!isNewRefusal(frame, decision))
        return this.process(frame, false, undefined, { decision, lostConnections });
      counters.decided += decision.decided;
      countRefusal(counters.rare, decision.record);
      refused.push(frame);
      events.push(eventOf(frame, decision));
      return undefined;
    });
    const published = this.#publishRefusals(refused, events, lostConnections);
    return Promise.allSettled(ends.map((end) => end ?? published));
  }

  /** What `process` then goes on from; `undefined` where that meets the error again. */
  async #decideFirst(frame: Frame): Promise<Decision | undefined> {
    if (frame.traceparent !== undefined) return undefined;
    this.#sales.note(frame.saleId, frame.generation);
    try {
      return await this.#decide(undecidedFrame(frame));
    } catch {
      return undefined;
    }
  }

  async #publishRefusals(
    frames: readonly Frame[],
    events: readonly string[],
    lostConnections: number,
  ): Promise<void> {
    const { store, counters } = this.#parts;
    if (frames.length === 0) return;
    await this.#whileAway(() => store.publishOutcome(events.join('\n')));
    await this.#untilDelivered();
    // See `process`.
    if (store.lostConnections === lostConnections) counters.frames += frames.length;
    else for (const frame of frames) await this.process(frame, false);
  }

  /**
   * Decides, records and publishes a frame.
   * @param first what was decided a moment ago, and how many connections were lost before
   * @throws FrameError for a frame that can never be decided; after an error that is not final (retry.ts), try again
   */
  async process(
    frame: Frame,
    isRedelivered: boolean,
    steps?: FrameSteps,
    first?: FirstDecision,
  ): Promise<void> {
    const { counters } = this.#parts;
    const { rare } = counters;
    const undecided = undecidedFrame(frame);
    this.#sales.note(frame.saleId, frame.generation);
    if (frame.isReplayed) rare.frameReplayed++;
    // By two clocks, either of which may be wrong: what RabbitMQ says to be a repeat is looked at, whatever its age.
    counters.frameAgeMs = Math.max(0, Date.now() - frame.closedAtMs);
    const isOld = counters.frameAgeMs >= RECORD_RETENTION_MS - RETENTION_MARGIN_MS;
    const isRepeat = isRedelivered || frame.isReplayed;
    if (isOld) await this.#whileAway(() => this.#recallFrame(frame, isRepeat));
    // Without a backend its age must do: refusals need no Postgres, and go on without it.
    else if (isRepeat) await this.#recallFrame(frame, false).catch(() => undefined);
    let known = first;
    for (let rebuilds = 0; ;) {
      if (rebuilds > MAX_REBUILDS)
        throw new Error(`frame ${frame.id} found sale ${frame.saleId} wrong after ${MAX_REBUILDS} rebuilds`);
      const { lostConnections } = known ?? this.#parts.store;
      if (known === undefined) steps?.('lua');
      const decision = known?.decision ?? (await this.#whileAway(() => this.#decide(undecided)));
      known = undefined;
      if (decision.status === 'unknownSale') {
        rare.saleUnknown++;
        rebuilds++;
        const { staleEpoch } = decision;
        steps?.('rebuild');
        await this.#rebuild({
          saleId: frame.saleId,
          generation: frame.generation,
          ...(staleEpoch === undefined ? {} : { staleEpoch }),
        });
        continue;
      }
      // Counted now, because a second decision after a rebuild only reports what is new.
      counters.decided += decision.decided;
      counters.granted += decision.granted;
      // A record without grants ends with its second bar.
      const hasGrants = !decision.record.endsWith('|');
      if (hasGrants) {
        const batch = grantsOf(undecided, decision);
        steps?.('commit');
        if ((await this.#parts.writer.write(batch)) === 'stale') {
          rebuilds++;
          steps?.('rebuild');
          await this.#rebuild({
            saleId: frame.saleId,
            generation: frame.generation,
            staleEpoch: batch.epoch,
          });
          continue;
        }
        step('worker.after-commit');
        counters.framesToPostgres++;
        counters.ticketsCommitted += batch.tickets.length;
      } else countRefusal(rare, decision.record);
      if (decision.status === 'repeated') rare.frameRepeated++;
      else if (undecided.digests.length > 0) countKeys(rare, frame.count, decision);
      else if (decision.decided < frame.count) rare.outcomeKept++;
      steps?.('outcome');
      await this.#publish(frame, decision, hasGrants);
      await this.#untilDelivered();
      // The Redis that published may lack the record, and those who listen may not be connected again. They can read it
      // once the present Redis has it.
      if (this.#parts.store.lostConnections !== lostConnections) continue;
      counters.frames++;
      return;
    }
  }

  async #decide(undecided: UndecidedFrame): Promise<Decision> {
    const decision = await this.#parts.store.decideFrame(undecided);
    step('worker.after-lua');
    return decision;
  }

  async #untilDelivered(): Promise<void> {
    await this.#whileAway(() => this.#parts.store.whenDelivered());
    step('worker.after-pubsub');
  }

  /**
   * Rebuilds the sales of this worker after Redis has started again. A frame would cause the same; but the last one may
   * have come already, and who looks at the sale would see an older file of Redis. The newest first. Never rejects.
   */
  async rebuildSales(onError: (error: unknown) => void): Promise<void> {
    for (const [saleId, generation] of this.#sales.newestFirst()) {
      try {
        await this.#bringBack(
          saleId,
          generation,
          await this.#whileAway(() => this.#parts.store.readEpoch(saleId)),
        );
      } catch (error) {
        onError(error);
      }
    }
  }

  /**
   * Rebuilds the sale of the newest frame when Redis has forgotten it without a restart, or a node of a Redis Cluster has
   * started again: nobody else notices that after the last frame. Where that fails, it waits for its next frame. Never rejects.
   */
  async keepNewest(onError: (error: unknown) => void): Promise<void> {
    const [newest] = this.#sales.newestFirst();
    if (!newest) return;
    const [saleId, generation] = newest;
    try {
      await this.#bringBack(saleId, generation, await this.#parts.store.readEpoch(saleId));
    } catch (error) {
      // Without Redis there is nothing to rebuild yet; its return is told otherwise.
      if (!isFinal(error)) return;
      this.#sales.forget(saleId);
      onError(error);
    }
  }

  /** A sale that Redis holds as closed can wait for a frame. */
  async #bringBack(saleId: string, generation: number, held: HeldEpoch | undefined): Promise<void> {
    if (held === undefined) await this.#rebuild({ saleId, generation });
    else if (held.isRestarted && held.status === 'open')
      await this.#rebuild({ saleId, generation, staleEpoch: held.epoch });
  }

  async #publish(frame: Frame, decision: Decided, hasGrants: boolean): Promise<void> {
    const { store } = this.#parts;
    await this.#whileAway(() => store.publishOutcome(eventOf(frame, decision)));
    // Only a frame that got units can have taken the last one.
    if (!hasGrants || decision.remaining > 0) return;
    await this.#whileAway(async () => {
      const sale = await store.readSale(frame.saleId);
      if (sale) await store.publishSale(saleFactsSchema.parse(sale));
    });
  }

  /**
   * Prepares a frame that may have been decided before, and whose record may have expired. It would be decided
   * again, and its buyers refused for units that they hold. If Postgres has tickets of it, a rebuild brings them
   * back to Redis.
   * @param mayHoldUnits it may have been granted units that have no ticket: a rebuild frees them before it is decided
   */
  async #recallFrame(frame: Frame, mayHoldUnits: boolean): Promise<void> {
    const { store, pool } = this.#parts;
    if (await store.knowsFrame(frame.saleId, frame.id)) return;
    const ids = Array.from({ length: frame.count }, (_, index) => framedId(frame.saleId, frame.id, index));
    const { rows } = await pool.query('SELECT 1 FROM tickets WHERE reservation_id = ANY($1) LIMIT 1', [ids]);
    const held = rows.length > 0 || mayHoldUnits ? await store.readEpoch(frame.saleId) : undefined;
    if (!held) return;
    this.#parts.counters.rare.oldFrameRecalled++;
    await this.#rebuild({ saleId: frame.saleId, generation: 1, staleEpoch: held.epoch });
  }

  async #rebuild(request: RebuildRequest): Promise<void> {
    const { store, pool, counters, onRebuild } = this.#parts;
    const shared = this.#rebuilds.get(request.saleId);
    const lock = { lockExpiryMs: REBUILD_DEFAULTS.lockExpiryMs, token: randomUUID() };
    const rebuild =
      shared ??
      this.#whileAway(() => rebuildSale(store, pool, request, lock)).finally(() =>
        this.#rebuilds.delete(request.saleId),
      );
    if (!shared) {
      this.#rebuilds.set(request.saleId, rebuild);
      const result = await rebuild;
      if (result !== 'unknownSale') counters.rare[RARE_REBUILDS[result]]++;
      onRebuild(request, result);
    }
    if ((await rebuild) === 'unknownSale')
      throw new FrameError(`Postgres has no sale ${request.saleId} of generation ${request.generation}`);
  }

  #whileAway<Value>(action: () => Promise<Value>): Promise<Value> {
    return whileAway(action, this.#parts.retry);
  }
}

function eventOf(frame: Frame, decision: Decided): string {
  return encodeOutcomeEvent({
    saleId: frame.saleId,
    frameId: frame.id,
    count: frame.count,
    remaining: decision.remaining,
    isRepeated: decision.status === 'repeated',
    record: decision.record,
  });
}

/** Whether all of a frame was refused now, so that only its publication is left. */
function isNewRefusal(frame: Frame, decision: Decision): decision is Decided {
  return decision.status === 'decided' && decision.decided === frame.count && decision.record.endsWith('|');
}

/** Counts a frame that a closed or a reset sale refused: then its last code is that of all that were decided. */
function countRefusal(rare: RareCounts<'worker'>, record: string): void {
  const code = record.at(-2);
  if (code === 'C') rare.frameOfClosedSale++;
  else if (code === 'R') rare.frameOfResetSale++;
}

/** Counts what only a frame with keys can be. */
function countKeys(rare: RareCounts<'worker'>, count: number, { decided, record }: Decided): void {
  if (decided < count) rare.keyKnownToWorker++;
  if (record.includes('K')) rare.keyRefusedByWorker++;
}

/** The tickets that a decision gives. */
function grantsOf(frame: UndecidedFrame, decision: Decided): GrantBatch {
  const { epoch, grants } = parseRecord(decision.record, frame.count);
  const entries = entriesOf(frame);
  const tickets: NewTicket[] = [];
  const keyed = new Set<string>();
  for (const { index, units } of grants) {
    const entry = entries[index];
    if (!entry)
      throw new Error(`the record of frame ${frame.id} grants place ${index}, which does not exist`);
    if (entry.digest !== undefined) {
      // The same key twice in one frame is one reservation.
      if (keyed.has(entry.digest)) continue;
      keyed.add(entry.digest);
    }
    const reservationId =
      entry.digest === undefined
        ? framedId(frame.saleId, frame.id, index)
        : keyedId(frame.saleId, entry.digest);
    units.forEach((unit, at) => tickets.push({ unit, reservationId, item: at + 1, userId: entry.userId }));
  }
  return { saleId: frame.saleId, generation: frame.generation, stock: decision.stock, epoch, tickets };
}
