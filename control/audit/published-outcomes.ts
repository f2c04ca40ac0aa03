/**
 * Outcomes as the workers publish them, kept for the audit. A refusal stands in Redis alone; when Redis loses its data after
 * the frame was acked, what was published is all that tells what became of it.
 */
import { Redis } from 'ioredis';
import { errorText } from '../../services/shared/error-text.ts';
import { decodeOutcomeEvent } from '../../services/shared/events.ts';
import { frameKey, outcomeChannel } from '../../services/shared/keys.ts';
import { createRedis, type RedisClient } from '../../services/shared/redis.ts';
import type { Deployment } from '../cluster/cluster.ts';

/** Keys of a SCAN, and records of an MGET. */
const BATCH = 1_000;
/** Frames that are kept: some 200 MB of text. What comes later is known from Redis alone. */
const MAX_FRAMES = 1_000_000;

export class PublishedOutcomes {
  readonly #deployment: Deployment;
  readonly #keysOfFrames: string;
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
    this.#keysOfFrames = frameKey(deployment.namespace, sales === 1 ? runId : `${runId}-*`, '*');
    const prefix = sales === 1 ? `${runId} ` : `${runId}-`;
    const tell = (error: unknown) => onError(`outcomes of the sale: ${errorText(error)}`);
    this.#subscriber = createRedis(deployment.redisUrl, { role: 'subscriber', onError: tell });
    this.#reader = createRedis(deployment.redisUrl, { role: 'control' });
    this.#subscriber.on('message', (_channel: string, text: string) => {
      if (this.#events.length < MAX_FRAMES && text.startsWith(prefix)) this.#events.push(text);
    });
    this.#subscriber.on('ready', () => void this.#listen().catch(tell));
  }

  /** Resolves when it hears, or could not be told so yet: it then goes on trying. */
  async #listen(): Promise<void> {
    await this.#subscriber.subscribe(outcomeChannel(this.#deployment.namespace));
    // What was decided while nobody listened is in Redis now, and may be lost with the next failure.
    if (!(this.#reader instanceof Redis)) return;
    for (let cursor = '0', isFirst = true; isFirst || cursor !== '0'; isFirst = false) {
      const [next, keys] = await this.#reader.scan(cursor, 'MATCH', this.#keysOfFrames, 'COUNT', BATCH);
      cursor = next;
      if (keys.length === 0) continue;
      const records = await this.#reader.mget(keys);
      keys.forEach((key, at) => {
        const record = records[at];
        if (typeof record === 'string' && this.#records.size < MAX_FRAMES)
          this.#records.set(key.slice(key.lastIndexOf(':') + 1), record);
      });
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
