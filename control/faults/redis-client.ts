/** A short-lived connection to Redis, for faults. */
import { connectRedis, registerScripts, type RedisClient } from '../../services/shared/redis.ts';
import { withLimit } from '../../services/shared/time-limit.ts';
import type { FaultTools } from './fault.ts';

const LIMIT_MS = 10_000;

/** @throws Error when Redis does not answer in time */
export async function withRedis<Value>(
  { deployment }: Pick<FaultTools, 'deployment'>,
  use: (redis: RedisClient) => Promise<Value>,
): Promise<Value> {
  const redis = connectRedis(deployment.redisUrl, {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on('error', () => undefined);
  registerScripts(redis);
  try {
    return await withLimit(
      redis.connect().then(() => use(redis)),
      LIMIT_MS,
      'Redis did not answer',
    );
  } finally {
    redis.disconnect();
  }
}
