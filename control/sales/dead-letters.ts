/**
 * Lists, replays or drops dead letters: frames that a worker rejected, or that RabbitMQ delivered too often.
 *
 * An operation fetches frames from the dead-letter queue one by one, and returns those that it did not settle
 * at its end. Only one runs at a time: a second would not see the frames that the first holds.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectBroker } from '../../services/shared/amqp/broker-nodes.ts';
import type { ConfirmChannel, GetMessage, MessagePropertyHeaders } from 'amqplib';
import { FrameError, decodeEntries, parseMessage, type Frame } from '../../services/shared/frame.ts';
import { createPool, openPool } from '../../services/shared/postgres.ts';
import { forEachAtOnce } from '../lib/at-once.ts';
import { rebuildSale } from '../../services/shared/rebuild.ts';
import { createRedis } from '../../services/shared/redis.ts';
import { SaleStore } from '../../services/shared/sale-store.ts';
import type { SaleView } from '../../services/shared/sales.ts';
import { declareTopology, topology } from '../../services/shared/amqp/topology.ts';
import { QueueProbe } from '../audit/queue-probe.ts';
import { FailureError } from '../../contract/failure.ts';
import type { Deployment } from '../cluster/cluster.ts';
import type { DeadFrame } from '../../contract/state.ts';
import { withLimit } from '../../services/shared/time-limit.ts';
import { errorText } from '../../services/shared/error-text.ts';

/** ms that one operation may take; frames that it has not settled by then stay in the dead-letter queue. */
const OPERATION_LIMIT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** ms that returned frames may take to be in the queue again. */
const RETURN_LIMIT_MS = 2_000;
const RETURN_POLL_MS = 10;
/** ms between two counts for the frontends. */
const COUNT_INTERVAL_MS = 2_000;

export interface DeadLettersOptions {
  /** @throws FailureError when no cluster runs */
  readonly deployment: () => Deployment;
  /** A sale as it is now; `undefined` when there is none of this id. */
  readonly findSale: (id: string) => Promise<SaleView | undefined>;
}

interface DeadLetter {
  readonly message: GetMessage;
  readonly id: string;
  /** More than one when a worker of an earlier version rejected them; none when it can never be decided: `fault` says why. */
  readonly frames: readonly Frame[];
  readonly fault: string | undefined;
}

/** By id; `undefined` where none could be asked for. */
type Sales = ReadonlyMap<string, SaleView | undefined> | undefined;

export class DeadLetters {
  readonly #options: DeadLettersOptions;
  #last: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #probe: QueueProbe | undefined;
  #count = 0;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
  }

  /** Frames in the dead-letter queue, as of the last count. */
  get count(): number {
    return this.#count;
  }

  /** Counts from now on. While RabbitMQ is away, the last count stays. */
  start(): void {
    if (this.#timer) return;
    const probe = new QueueProbe(this.#options.deployment());
    this.#probe = probe;
    let isCounting = false;
    this.#timer = setInterval(() => {
      if (isCounting) return;
      isCounting = true;
      void probe
        .count()
        .then(({ dead }) => {
          if (this.#probe === probe) this.#count = dead;
        })
        .catch(() => undefined)
        .finally(() => (isCounting = false));
    }, COUNT_INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#probe?.close().catch(() => undefined);
    this.#probe = undefined;
    this.#count = 0;
  }

  /** The oldest `limit` dead frames, and how many there are in all. */
  list(limit: number): Promise<{ total: number; frames: DeadFrame[] }> {
    return this.#inTurn(async (channel) => {
      const letters: DeadLetter[] = [];
      const total = await this.#visit(channel, limit, (letter) => {
        letters.push(letter);
        return Promise.resolve(false);
      });
      const sales = await this.#salesOf(letters);
      return { total, frames: letters.map((letter) => describe(letter, sales)) };
    });
  }

  /**
   * Puts frames back into the queue. Each is confirmed before it leaves the dead-letter queue; one that
   * arrives twice is decided once. Frames that can never be decided stay.
   * @param ids which frames; all by default
   */
  replay(ids?: readonly string[]): Promise<{ replayed: number; kept: number }> {
    return this.#inTurn(async (channel) => {
      const { queue } = topology(this.#options.deployment().namespace);
      let [replayed, kept] = [0, 0];
      await this.#visit(channel, Infinity, async ({ message, id, frames }) => {
        if (ids && !ids.includes(id)) return false;
        if (frames.length === 0) {
          kept++;
          return false;
        }
        await publish(channel, queue, message);
        replayed++;
        return true;
      });
      return { replayed, kept };
    });
  }

  /**
   * Removes frames for good: their reservations never get an outcome. Their sales are rebuilt from the
   * tickets, so that units that Redis had granted to these frames are on sale again.
   * @param ids which frames; all by default
   */
  drop(ids?: readonly string[]): Promise<{ dropped: number }> {
    return this.#inTurn(async (channel) => {
      const saleIds = new Set<string>();
      let dropped = 0;
      await this.#visit(channel, Infinity, ({ id, frames }) => {
        if (ids && !ids.includes(id)) return Promise.resolve(false);
        for (const { saleId } of frames) saleIds.add(saleId);
        dropped++;
        return Promise.resolve(true);
      });
      if (saleIds.size > 0) await this.#freeUnits(saleIds);
      return { dropped };
    });
  }

  /** The sales of dead frames. Without a gateway there are none, and the reasons are less precise. */
  async #salesOf(letters: readonly DeadLetter[]): Promise<Sales> {
    const ids = new Set(letters.flatMap(({ frames }) => frames.map(({ saleId }) => saleId)));
    const sales = new Map<string, SaleView | undefined>();
    try {
      await forEachAtOnce([...ids], async (id) => {
        sales.set(id, await this.#options.findSale(id));
      });
      return sales;
    } catch {
      return undefined;
    }
  }

  async #freeUnits(saleIds: ReadonlySet<string>): Promise<void> {
    const { namespace, postgresSchema: schema, redisUrl, postgresUrl } = this.#options.deployment();
    const redis = createRedis(redisUrl, { role: 'control' });
    const pool = createPool({ url: postgresUrl, schema, max: 1, name: 'dead letters' });
    try {
      await openPool(pool);
      const store = new SaleStore(redis, namespace);
      for (const saleId of saleIds) {
        const stale = await store.readEpoch(saleId);
        if (stale) await rebuildSale(store, pool, { saleId, generation: 1, staleEpoch: stale.epoch });
      }
    } finally {
      redis.disconnect();
      await pool.end();
    }
  }

  /** Passes up to `limit` dead frames to `settle`; those for which it resolves to true leave the queue. */
  async #visit(
    channel: ConfirmChannel,
    limit: number,
    settle: (letter: DeadLetter) => Promise<boolean>,
  ): Promise<number> {
    const { deadQueue } = topology(this.#options.deployment().namespace);
    const { messageCount } = await channel.checkQueue(deadQueue);
    let settled = 0;
    for (let seen = 0; seen < Math.min(messageCount, limit); seen++) {
      const message = await channel.get(deadQueue);
      if (!message) break;
      if (!(await settle(examine(message)))) continue;
      channel.ack(message);
      settled++;
    }
    // RabbitMQ does not confirm a nack. Wait until the frames are back, so that the next operation sees them.
    channel.nackAll(true);
    const deadlineMs = Date.now() + RETURN_LIMIT_MS;
    while (Date.now() < deadlineMs) {
      if ((await channel.checkQueue(deadQueue)).messageCount >= messageCount - settled) break;
      await sleep(RETURN_POLL_MS);
    }
    return messageCount;
  }

  async #inTurn<Value>(operate: (channel: ConfirmChannel) => Promise<Value>): Promise<Value> {
    const { amqpUrl, namespace } = this.#options.deployment();
    const mine = this.#last
      .catch(() => undefined)
      .then(async () => {
        const model = await connectBroker(amqpUrl, { timeout: CONNECT_TIMEOUT_MS });
        // The pending call fails with the same error.
        model.on('error', () => undefined);
        try {
          await declareTopology(model, namespace, amqpUrl);
          const channel = await model.createConfirmChannel();
          channel.on('error', () => undefined);
          const value = await withLimit(operate(channel), OPERATION_LIMIT_MS, 'the operation took too long');
          await channel.close();
          return value;
        } finally {
          await model.close().catch(() => undefined);
        }
      });
    this.#last = mine;
    try {
      return await mine;
    } catch (error) {
      throw new FailureError(
        {
          code: 'queue.deadLettersFailed',
          message: `The dead-letter queue could not be used: ${errorText(error)}.`,
          fix: 'Check that RabbitMQ, Redis and Postgres run, then try again. No frame is lost, and a frame that comes twice is decided once.',
        },
        { cause: error },
      );
    }
  }
}

function examine(message: GetMessage): DeadLetter {
  const { messageId, headers } = message.properties;
  const id =
    typeof messageId === 'string' && /^[\x21-\x7e]{1,64}$/.test(messageId)
      ? messageId
      : `unnamed-${createHash('sha256').update(message.content).digest('hex').slice(0, 12)}`;
  try {
    const frames = parseMessage(messageId, headers, message.content);
    for (const { body } of frames) decodeEntries(body);
    return { message, id, frames, fault: undefined };
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    return { message, id, frames: [], fault: `The frame is malformed: ${error.message}.` };
  }
}

function describe({ message, id, frames, fault }: DeadLetter, sales: Sales): DeadFrame {
  const headers = message.properties.headers ?? {};
  const { reason, atMs } = deathOf(headers);
  const { sale, n, t } = headers as Record<string, unknown>;
  const [frame, ...others] = frames;
  const saleId =
    (others.length === 0 ? frame?.saleId : undefined) ??
    (typeof sale === 'string' ? sale.slice(0, 64) : undefined);
  const count = typeof n === 'number' && Number.isInteger(n) && n >= 0 ? n : undefined;
  return {
    id,
    ...(saleId === undefined ? {} : { saleId }),
    ...(count === undefined ? {} : { reservations: count }),
    ...(typeof t === 'number' && t > 0 ? { closedAtMs: t } : {}),
    ...(atMs === undefined ? {} : { diedAtMs: atMs }),
    reason: fault ?? saleFault(frames, sales) ?? reason,
    canReplay: frames.length > 0,
  };
}

/** Why a sale can't take its frame now. */
function saleFault(frames: readonly Frame[], sales: Sales): string | undefined {
  if (!sales) return undefined;
  for (const frame of frames) {
    const sale = sales.get(frame.saleId);
    if (!sale) return `There is no sale ${frame.saleId}.`;
    if (sale.generation < frame.generation)
      return `Sale ${sale.id} has generation ${sale.generation}; the frame is for ${frame.generation}.`;
  }
  return undefined;
}

/** Why and when RabbitMQ dead-lettered a message. The newest entry comes first. */
function deathOf(headers: MessagePropertyHeaders): { reason: string; atMs?: number } {
  const [death] = headers['x-death'] ?? [];
  const time: unknown = death?.time;
  const seconds = typeof time === 'object' && time !== null && 'value' in time ? Number(time.value) : NaN;
  const reasons: Readonly<Record<string, string>> = {
    delivery_limit: 'RabbitMQ delivered it too often (delivery limit of the queue).',
    rejected: 'A worker rejected it; the log of the worker names the frame and the reason.',
  };
  const noted = death?.reason;
  return {
    reason: reasons[noted ?? ''] ?? `RabbitMQ gives the reason "${noted ?? 'none'}".`,
    ...(Number.isFinite(seconds) ? { atMs: seconds * 1_000 } : {}),
  };
}

/** Resolves when RabbitMQ has confirmed the message. */
function publish(channel: ConfirmChannel, queue: string, { content, properties }: GetMessage): Promise<void> {
  const { v, n, sale, gen, t } = properties.headers ?? {};
  return new Promise((resolve, reject) => {
    const { messageId, contentType } = properties as { messageId: unknown; contentType: unknown };
    channel.sendToQueue(
      queue,
      content,
      {
        ...(typeof messageId === 'string' ? { messageId } : {}),
        ...(typeof contentType === 'string' ? { contentType } : {}),
        persistent: true,
        headers: { v, n, sale, gen, t, replayed: true },
      },
      (error: unknown) => {
        if (error === null || error === undefined) resolve();
        else reject(error instanceof Error ? error : new Error('RabbitMQ did not confirm it'));
      },
    );
  });
}
