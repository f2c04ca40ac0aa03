/** Empties Redis; it goes on serving, and knows nothing. */
import { whole } from '../../contract/format.ts';
import { partsOf } from './parts.ts';
import type { Fault } from './fault.ts';
import { withRedis } from './redis-client.ts';
import { watchPaths } from './taken-paths.ts';

export const flush: Fault = {
  check: (target, tools) => void partsOf(target, tools),
  async inject(target, tools) {
    const paths = watchPaths(tools, ['saleUnknown', 'saleRebuilt', 'saleFromPostgres', 'lookupFromPostgres']);
    const keys = await withRedis(tools, async (redis) => {
      const before = await redis.dbsize();
      await redis.flushall();
      return before;
    });
    return {
      targets: [target],
      effect: () =>
        Promise.resolve({
          hadEffect: keys > 0,
          text: `${whole(keys)} keys of Redis were deleted.${paths()}`,
        }),
    };
  },
};
