/** Cleaning up after tests that share one Redis. */
import { primariesOf, type RedisClient } from '../../services/shared/redis.ts';

/** Removes all keys of a namespace, and none of any other. */
export async function removeKeys(redis: RedisClient, namespace: string): Promise<void> {
  for (const node of primariesOf(redis)) {
    let cursor = '0';
    do {
      const [next, keys] = await node.scan(cursor, 'MATCH', `${namespace}:*`, 'COUNT', 2_000);
      cursor = next;
      for (const key of keys) await node.unlink(key);
    } while (cursor !== '0');
  }
}
