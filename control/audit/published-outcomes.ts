/**
 * Outcomes as the workers publish them, kept for the audit. A refusal stands in Redis alone; when Redis loses its data after
 * the frame was acked, what was published is all that tells what became of it.
 */
import type { Redis } from 'ioredis';
import { errorText } from '../../services/shared/error-text.ts';
import { decodeOutcomeEvent, outcomeLines } from '../../services/shared/events.ts';
import { frameKey, outcomeChannel, recordPlace } from '../../services/shared/keys.ts';
import { recordOfSlot } from '../../services/shared/outcomes.ts';
import { createRedis, primariesOf, type RedisClient } from '../../services/shared/redis.ts';
import type { Deployment } from '../cluster/cluster.ts';

/** Keys of a SCAN, and records of an MGET. */
const BATCH = 1_000;
/** Frames that are kept: some 200 MB of text. What comes later is known from Redis alone. */
const MAX_FRAMES = 1_000_000;

export class PublishedOutcomes {
  readonly #deployment: Deployment;
  readonly #keysOfRecords: readonly string[];
  readonly #subscriber: RedisClient;
  readonly #reader: RedisClient;
  /** Unread events: reading them would cost time while the attack runs, and most runs never need them. */
  readonly #events: string[] = [];
  readonly #records = new Map<string, string>();

  /**
   * @param runId of the sales
   * @param sales how many there are
   * @param onError told of each lost connection, and of records that could not be read
   */
  constructor(deployment: Deployment, runId: string, sales: number, onError: (text: string) => void) {
    this.#deployment = deployment;
    const { namespace } = deployment;
    const ofSales = sales === 1 ? runId : `${runId}-*`;
    this.#keysOfRecords = [
      frameKey(namespace, ofSales, '*'),
      recordPlace(namespace, ofSales, '*-*00').bucketKey,
    ];
    const prefix = sales === 1 ? `${runId} ` : `${runId}-`;
    const tell = (error: unknown) => onError(`outcomes of the sale: ${errorText(error)}`);
    this.#subscriber = createRedis(deployment.redisUrl, { role: 'subscriber', onError: tell });
    this.#reader = createRedis(deployment.redisUrl, { role: 'control' });
    this.#subscriber.on('message', (_channel: string, text: string) => {
      for (const line of outcomeLines(text))
        if (this.#events.length < MAX_FRAMES && line.startsWith(prefix)) this.#events.push(line);
    });
    this.#subscriber.on('ready', () => void this.#listen().catch(tell));
  }

  /** Resolves when it hears, or could not be told so yet: it then goes on trying. */
  async #listen(): Promise<void> {
    await this.#subscriber.subscribe(outcomeChannel(this.#deployment.namespace));
    // What was decided while nobody listened is in Redis now, and may be lost with the next failure.
    const [whole = '', buckets = ''] = this.#keysOfRecords;
    await this.#scan(whole, async (redis, keys) => {
      // One MGET takes the keys of one sale: on a Redis Cluster, those of another may be in another slot.
      const bySale = new Map<string, string[]>();
      for (const key of keys) {
        const sale = key.slice(0, key.indexOf('}'));
        const ofOne = bySale.get(sale);
        if (ofOne) ofOne.push(key);
        else bySale.set(sale, [key]);
      }
      const read = [...bySale.values()].map(async (ofOne) => {
        const records = await redis.mget(ofOne);
        return ofOne.map((key, at) => [key, records[at] ?? undefined] as const);
      });
      return (await Promise.all(read)).flat();
    });
    await this.#scan(buckets, async (redis, keys) => {
      const found = await Promise.all(keys.map((key) => redis.hgetall(key)));
      return found.flatMap((slots, at) =>
        Object.entries(slots).map(
          ([slot, kept]) => [`${keys[at] ?? ''}${slot}`, recordOfSlot(kept).record] as const,
        ),
      );
    });
  }

  /** Notes the records of all keys of a pattern; `read` gives them with keys that end with the frame's id. */
  async #scan(
    pattern: string,
    read: (redis: Redis, keys: string[]) => Promise<(readonly [key: string, record: string | undefined])[]>,
  ): Promise<void> {
    // A client of a Cluster knows its nodes once one has answered.
    await this.#reader.ping();
    for (const redis of primariesOf(this.#reader))
      for (let cursor = '0', isFirst = true; isFirst || cursor !== '0'; isFirst = false) {
        const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', BATCH);
        cursor = next;
        if (keys.length === 0) continue;
        for (const [key, record] of await read(redis, keys))
          if (record !== undefined && this.#records.size < MAX_FRAMES)
            this.#records.set(key.slice(key.lastIndexOf(':') + 1), record);
      }
  }

  /** The latest record of each frame that was published or read, by frame id. */
  byFrame(): ReadonlyMap<string, string> {
    for (const text of this.#events.splice(0)) {
      const event = decodeOutcomeEvent(text);
      if (event) this.#records.set(event.frameId, event.record);
    }
    return this.#records;
  }

  /** Drops what was published of a frame so far. */
  forget(frameId: string): void {
    this.byFrame();
    this.#records.delete(frameId);
  }

  /** Ends its connections. */
  end(): void {
    this.#subscriber.disconnect();
    this.#reader.disconnect();
  }
}
