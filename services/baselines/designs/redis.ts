/** What the designs with a counter in Redis share; their orders are in Postgres. */
import { connectRedis, type RedisClient } from '../../shared/redis.ts';
import type { Design, Parts, Reply } from './design.ts';
import { Shop } from './postgres.ts';

const INSERT = 'INSERT INTO orders (buyer, unit) VALUES ($1, $2)';

export interface Counter {
  readonly redis: RedisClient;
  /** Key of the units that are left. */
  readonly key: string;
  readonly shop: Shop;
  /**
   * Sends a command of Redis, and notes what it answered.
   * @param script the text of the script that it runs
   */
  send<Answer>(buyer: string, command: string, send: () => Promise<Answer>, script?: string): Promise<Answer>;
  /** Writes the order of a buyer who got a unit. */
  order(buyer: string, unit: number): Promise<Reply>;
}

export function redisDesign(
  parts: Parts,
  reserve: (counter: Counter, buyer: string) => Promise<Reply>,
): Design {
  const shop = new Shop(parts);
  const redis = connectRedis(parts.redisUrl, { maxRetriesPerRequest: 1 });
  redis.on('error', () => undefined);
  const key = `${parts.namespace}:lab:left`;
  const counter: Counter = {
    redis,
    key,
    shop,
    async send(buyer, command, send, script) {
      const text = script === undefined ? command : `${command}:\n${script}`;
      const answer = await parts.notes.send(buyer, text, send, String);
      // What was not there, or not done, tells nothing of a sale.
      if (answer !== null) parts.notes.saw(buyer, `${command} → ${String(answer)}`);
      return answer;
    },
    async order(buyer, unit) {
      await shop.once(buyer, INSERT, [buyer, unit]);
      return { is: 'granted', unit };
    },
  };
  return {
    async open(stock) {
      await shop.open(stock);
      await redis.set(key, stock);
    },
    join: (stock) => shop.join(stock),
    reserve: (buyer) => reserve(counter, buyer),
    tickets: () => shop.tickets(),
    async close() {
      await redis.unlink(key).catch(() => undefined);
      redis.disconnect();
      await shop.close();
    },
  };
}
