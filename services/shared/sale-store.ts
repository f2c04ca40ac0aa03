/**
 * Sales as Redis holds them: a typed method for each script in `lua/`.
 *
 * Only code that has just created or reset a sale in Postgres may open it here, because opening gives it its
 * full stock. A sale that Redis has lost must be rebuilt (rebuild.ts). lua/decide-frame.lua says what a
 * reservation costs in memory.
 */
import type { FramedRef, KeyedRef } from './ids.ts';
import {
  RECORD_RETENTION_MS,
  keyedField,
  keyedKey,
  outcomeChannel,
  rebuildKeys,
  recordPlace,
  refusedKey,
  saleChannel,
  saleIndexKey,
  saleKeys,
} from './keys.ts';
import { DECIDE_STATUS, keptGrant, keyedRecordOf } from './outcomes.ts';
import { ReplyError, forgetKeys, readRecord, readRefusals } from './records.ts';
import { TERM_PREFIX } from './redis.ts';
import type { RedisClient } from './redis.ts';
import { saleFactsSchema, saleModeSchema, saleStatusSchema } from './sales.ts';
import type { SaleChange, SaleFacts, SaleStatus, SaleView } from './sales.ts';
import type { SaleChanged } from './events.ts';

/** What opening a sale needs. */
export type OpeningFacts = Omit<SaleFacts, 'isSoldOut'>;

/** A frame as decide-frame.lua takes it. */
export interface UndecidedFrame {
  readonly id: string;
  readonly saleId: string;
  readonly generation: number;
  readonly count: number;
  /** Unchanged; plain ASCII. */
  readonly body: string;
  /** Digests of the keyed reservations, in the order of the frame. */
  readonly digests: readonly string[];
}

export type Decision =
  /** `staleEpoch`: what Redis holds of the sale, which must be rebuilt. */
  | { readonly status: 'unknownSale'; readonly staleEpoch?: number }
  | {
      readonly status: 'decided' | 'repeated';
      /** See outcomes.ts. */
      readonly record: string;
      readonly remaining: number;
      readonly stock: number;
      /** Reservations decided by this call. */
      readonly decided: number;
      /** Reservations granted by this call. */
      readonly granted: number;
    };

/** Tickets that a rebuild loads at once into a sale's new epoch. */
export interface TicketPage {
  /** From 1. */
  readonly number: number;
  readonly tickets: number;
  readonly unitsByUser: ReadonlyMap<string, number>;
  /** Field of the `granted` hash (keys.ts) → grants. */
  readonly grantsByField: ReadonlyMap<string, string>;
  readonly freeUnits: readonly number[];
}

export interface HeldEpoch {
  readonly epoch: number;
  readonly status: SaleStatus;
  readonly generation: number;
  /** Redis has started again since, perhaps from a file that lacks its last grants. Only a rebuild makes it present. */
  readonly isRestarted: boolean;
}

export interface NewEpoch {
  readonly epoch: number;
  readonly tickets: number;
  readonly nextUnit: number;
  readonly grantedReservations: number;
}

/** ms after its last page in which a rebuild's loaded keys expire. */
const REBUILD_RETENTION_MS = 5 * 60_000;
/** ms for which a question to Redis waits for more who need its answer. */
const ASK_DELAY_MS = 8;
/** With so many it waits no longer. */
const ASK_AT_ONCE = 4;

export class SaleStore {
  readonly #redis: RedisClient;
  readonly #namespace: string;
  #lostConnections = 0;
  /** What the next publication carries. */
  #outcomes: { readonly lines: string[]; readonly published: Promise<void> } | undefined;
  /** The question that was asked last, and the one that is asked after it. */
  #asked: Promise<unknown> = Promise.resolve();
  #nextAsked: Promise<unknown> | undefined;
  /** Calls that share the next question. */
  #unasked = 0;
  /** Ends the wait for more of them. */
  #ask: (() => void) | undefined;

  constructor(redis: RedisClient, namespace: string) {
    this.#redis = redis;
    this.#namespace = namespace;
    // Of one server, or of a node of a Cluster.
    for (const event of ['close', '-node']) redis.on(event, () => this.#lostConnections++);
  }

  /** Connections to Redis that were lost so far: another number means that it may be another Redis, or an older file. */
  get lostConnections(): number {
    return this.#lostConnections;
  }

  /**
   * Opens a sale that is new, or was just reset, in Postgres: full stock, counters at zero.
   * @param epoch `sales.epoch` in Postgres, which alone numbers the epochs of a sale
   * @returns `kept` when Redis already holds this generation or epoch, or a later one; then nothing was changed
   */
  async openSale(facts: OpeningFacts, epoch: number): Promise<'opened' | 'kept'> {
    const keys = saleKeys(this.#namespace, facts.id);
    const reply = await this.#redis.fgOpenSale(
      keys.sale,
      keys.buyers,
      keys.granted,
      keys.returned,
      ...factArguments(facts),
      epoch,
    );
    await this.#redis.sadd(saleIndexKey(this.#namespace), facts.id);
    return codeOf(reply, { 0: 'kept', 1: 'opened' });
  }

  /**
   * Changes facts of a sale, but never its stock or generation.
   * @returns the changed sale; `undefined` when Redis does not know it
   */
  async changeSale(
    saleId: string,
    change: Pick<SaleChange, 'title' | 'perBuyerLimit' | 'mode' | 'status'>,
  ): Promise<SaleView | undefined> {
    const reply = await this.#redis.fgChangeSale(
      saleKeys(this.#namespace, saleId).sale,
      change.title ?? '',
      change.perBuyerLimit ?? '',
      change.mode ?? '',
      change.status ?? '',
    );
    if (codeOf(reply, { 0: 'unknown', 1: 'changed' }) === 'unknown') return undefined;
    return this.readSale(saleId);
  }

  /** Facts and counters of a sale; `undefined` when Redis does not know it. */
  async readSale(saleId: string): Promise<SaleView | undefined> {
    return parseSale(saleId, await this.#readFields(saleId))?.view;
  }

  /** Facts of a sale; `undefined` when Redis does not know it, or holds it as of before it started again. */
  async readFacts(saleId: string): Promise<SaleFacts | undefined> {
    const sale = parseSale(saleId, await this.#readFields(saleId));
    // Parsing drops the counters, which change with every frame.
    return sale === undefined || sale.isRestarted ? undefined : saleFactsSchema.parse(sale.view);
  }

  /** What Redis holds of a sale besides its facts and counters; `undefined` when it does not know the sale. */
  async readEpoch(saleId: string): Promise<HeldEpoch | undefined> {
    const sale = parseSale(saleId, await this.#readFields(saleId));
    if (sale === undefined) return undefined;
    const { epoch, isRestarted, view } = sale;
    return { epoch, generation: view.generation, status: view.status, isRestarted };
  }

  #readFields(saleId: string): Promise<unknown> {
    return this.#redis.fgReadSale(saleKeys(this.#namespace, saleId).sale);
  }

  /** Ids of all sales that were opened in this namespace. */
  listSaleIds(): Promise<string[]> {
    return this.#redis.smembers(saleIndexKey(this.#namespace));
  }

  /**
   * Decides a frame, or returns what was decided earlier.
   * @throws ReplyError, or the client's error when Redis is away
   */
  decideFrame(frame: UndecidedFrame): Promise<Decision> {
    const keys = saleKeys(this.#namespace, frame.saleId);
    const place = recordPlace(this.#namespace, frame.saleId, frame.id);
    const { digests, generation } = frame;
    const ofKeys =
      digests.length === 0
        ? []
        : [
            refusedKey(this.#namespace, frame.saleId, generation),
            ...digests.map((digest) => keyedKey(this.#namespace, frame.saleId, generation, digest)),
          ];
    return this.#redis
      .fgDecideFrame(
        6 + ofKeys.length,
        keys.sale,
        keys.buyers,
        keys.granted,
        keys.returned,
        place.key,
        place.bucketKey,
        ...ofKeys,
        frame.body,
        frame.count,
        frame.generation,
        frame.id,
        RECORD_RETENTION_MS,
        place.slot,
        TERM_PREFIX,
      )
      .then(parseDecision);
  }

  /**
   * The record of a frame. `outcomeAt(record, index)` reads a reservation's outcome. `undefined` when the
   * frame is not decided yet, or its record has expired.
   */
  async readRecord({ saleId, frameId }: Pick<FramedRef, 'saleId' | 'frameId'>): Promise<string | undefined> {
    return (await readRecord(this.#redis, recordPlace(this.#namespace, saleId, frameId)))?.record;
  }

  /** Whether a frame would get what it got before: Redis has its record, or its grants from a rebuild. */
  async knowsFrame(saleId: string, frameId: string): Promise<boolean> {
    const [record, grants] = await Promise.all([
      this.readRecord({ saleId, frameId }),
      this.#redis.hexists(saleKeys(this.#namespace, saleId).granted, frameId),
    ]);
    return record !== undefined || grants === 1;
  }

  /**
   * The record of a keyed reservation, with its outcome at index 0. Redis keeps a grant as long as the sale,
   * a refusal as long as a record.
   * @param generation the one that it was sent to
   */
  async readKeyed({ saleId, digest }: KeyedRef, generation: number): Promise<string | undefined> {
    const [grant, record, [refused]] = await Promise.all([
      this.#redis.hget(saleKeys(this.#namespace, saleId).granted, keyedField(digest)),
      this.#redis.get(keyedKey(this.#namespace, saleId, generation, digest)),
      readRefusals(this.#redis, this.#namespace, saleId, generation, [digest]),
    ]);
    const kept = record ?? (grant === null ? undefined : keptGrant(grant));
    return kept === undefined ? refused : keyedRecordOf(kept, digest);
  }

  /** Deletes the record of a key from before a reset, when the key is used again. */
  async deleteKey({ saleId, digest }: KeyedRef, generation: number): Promise<void> {
    await forgetKeys(this.#redis, this.#namespace, saleId, generation, [digest]);
  }

  /**
   * Sends the outcomes of a frame, written by `encodeOutcomeEvent`, to all gateways. Those of one turn of the event loop are
   * one publication.
   */
  publishOutcome(event: string): Promise<void> {
    if (this.#outcomes === undefined) {
      const lines: string[] = [];
      const published = new Promise<void>((resolve, reject) => {
        // Behind all promises that this turn fulfils: the frames whose answers came together.
        process.nextTick(() => {
          this.#outcomes = undefined;
          this.#redis
            .publish(outcomeChannel(this.#namespace), lines.join('\n'))
            .then(() => resolve(), reject);
        });
      });
      this.#outcomes = { lines, published };
    }
    this.#outcomes.lines.push(event);
    return this.#outcomes.published;
  }

  /**
   * Resolves when those who listen were sent what was published before this call. Redis answers the publisher first, and may
   * die before it writes to them; that it answers a later question shows that it got there. Calls share a question, but not
   * one that was asked before them: Redis may have read it together with the publication. It waits ASK_DELAY_MS for more of
   * them, or until ASK_AT_ONCE wait.
   */
  async whenDelivered(): Promise<void> {
    if (++this.#unasked >= ASK_AT_ONCE) this.#ask?.();
    this.#nextAsked ??= this.#asked
      .catch(() => undefined)
      .then(() => this.#gatherAskers())
      .then(() => {
        this.#unasked = 0;
        this.#ask = undefined;
        this.#nextAsked = undefined;
        // A key that nobody has: a user who may read records may ask for it, which is not sure of PING.
        return (this.#asked = this.#redis.get(outcomeChannel(this.#namespace)));
      });
    await this.#nextAsked;
  }

  /** Resolves when ASK_AT_ONCE calls wait, or ASK_DELAY_MS later. */
  #gatherAskers(): Promise<void> | undefined {
    if (this.#unasked >= ASK_AT_ONCE) return undefined;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ASK_DELAY_MS);
      this.#ask = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Sends the facts of a changed sale to all gateways. */
  async publishSale(facts: SaleFacts): Promise<void> {
    const event: SaleChanged = { type: 'sale.changed', sale: facts };
    await this.#redis.publish(saleChannel(this.#namespace), JSON.stringify(event));
  }

  /**
   * Acquires the lock of a sale's rebuild.
   * @returns whether it was free, or `token` holds it already
   */
  async acquireLock(saleId: string, token: string, expiryMs: number): Promise<boolean> {
    const { lock } = saleKeys(this.#namespace, saleId);
    const reply = await this.#redis.set(lock, token, 'PX', expiryMs, 'NX');
    return reply === 'OK' || (await this.#redis.get(lock)) === token;
  }

  /** Prolongs the lock to `expiryMs` from now; does nothing when another holds it by now. */
  async renewLock(saleId: string, token: string, expiryMs: number): Promise<void> {
    await this.#redis.fgRenewLock(saleKeys(this.#namespace, saleId).lock, token, expiryMs);
  }

  /** Releases the lock; does nothing when it has expired. */
  async releaseLock(saleId: string, token: string): Promise<void> {
    await this.#redis.fgReleaseLock(saleKeys(this.#namespace, saleId).lock, token);
  }

  /** Loads one page of tickets for the rebuild `token`. A page that is loaded twice counts once. */
  async loadTickets(saleId: string, token: string, page: TicketPage): Promise<void> {
    const loaded = rebuildKeys(this.#namespace, saleId, token);
    await this.#redis.fgLoadTickets(
      loaded.buyers,
      loaded.granted,
      loaded.returned,
      page.number,
      page.tickets,
      REBUILD_RETENTION_MS,
      linesOf(page.unitsByUser),
      linesOf(page.grantsByField),
      page.freeUnits.join('\n'),
    );
  }

  /** Replaces the sale's epoch by what the rebuild `token` has loaded. */
  async startEpoch(
    facts: OpeningFacts,
    token: string,
    next: NewEpoch,
  ): Promise<'rebuilt' | 'superseded' | 'incomplete'> {
    const keys = saleKeys(this.#namespace, facts.id);
    const loaded = rebuildKeys(this.#namespace, facts.id, token);
    const reply = await this.#redis.fgRebuildSale(
      keys.sale,
      keys.buyers,
      keys.granted,
      keys.returned,
      loaded.buyers,
      loaded.granted,
      loaded.returned,
      ...factArguments(facts),
      next.epoch,
      next.tickets,
      next.nextUnit,
      next.grantedReservations,
    );
    await this.#redis.sadd(saleIndexKey(this.#namespace), facts.id);
    return codeOf(reply, { 0: 'superseded', 1: 'rebuilt', 2: 'incomplete' });
  }
}

function factArguments(facts: OpeningFacts): (string | number)[] {
  return [facts.title, facts.stock, facts.perBuyerLimit, facts.mode, facts.status, facts.generation];
}

function linesOf(values: ReadonlyMap<string, string | number>): string {
  let text = '';
  for (const [field, value] of values) text += `${field}\t${value}\n`;
  return text;
}

function codeOf<const Name extends string>(reply: unknown, names: Readonly<Record<number, Name>>): Name {
  const name = typeof reply === 'number' ? names[reply] : undefined;
  if (name === undefined) throw new ReplyError(`a script answered ${JSON.stringify(reply)}`);
  return name;
}

function parseDecision(reply: unknown): Decision {
  if (!Array.isArray(reply)) throw new ReplyError(`decide-frame answered ${JSON.stringify(reply)}`);
  const [status, record, remaining, stock, decided, granted]: unknown[] = reply;
  if (status === DECIDE_STATUS.unknownSale)
    return { status: 'unknownSale', ...(record === '' ? {} : { staleEpoch: Number(record) }) };
  if (
    (status !== DECIDE_STATUS.decided && status !== DECIDE_STATUS.repeated) ||
    typeof record !== 'string' ||
    typeof remaining !== 'number' ||
    typeof stock !== 'number' ||
    typeof decided !== 'number' ||
    typeof granted !== 'number'
  )
    throw new ReplyError(`decide-frame answered ${JSON.stringify(reply)}`);
  const name = status === DECIDE_STATUS.decided ? 'decided' : 'repeated';
  return { status: name, record, remaining, stock, decided, granted };
}

interface ParsedSale {
  readonly view: SaleView;
  readonly epoch: number;
  readonly isRestarted: boolean;
}

function parseSale(saleId: string, reply: unknown): ParsedSale | undefined {
  if (!Array.isArray(reply) || !reply.every((field) => typeof field === 'string'))
    throw new ReplyError(`read-sale answered ${JSON.stringify(reply)}`);
  if (reply.length === 0) return undefined;
  const [title, stock, limit, mode, status, generation, epoch, remaining, granted, ...rest] = reply;
  const [soldOut, buyerLimit, insufficient, saleClosed, saleReset, keyReused, isRestarted] = rest.map(Number);
  const counts = {
    sold_out: soldOut ?? 0,
    buyer_limit: buyerLimit ?? 0,
    insufficient: insufficient ?? 0,
    sale_closed: saleClosed ?? 0,
    sale_reset: saleReset ?? 0,
    key_reused: keyReused ?? 0,
  };
  const refusals = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return {
    epoch: Number(epoch),
    isRestarted: isRestarted === 1,
    view: {
      id: saleId,
      title: title ?? '',
      stock: Number(stock),
      perBuyerLimit: Number(limit),
      mode: saleModeSchema.parse(mode),
      status: saleStatusSchema.parse(status),
      generation: Number(generation),
      isSoldOut: Number(remaining) === 0,
      counters: {
        remaining: Number(remaining),
        decided: Number(granted) + refusals,
        granted: Number(granted),
        grantedUnits: Number(stock) - Number(remaining),
        refused: counts,
      },
    },
  };
}
