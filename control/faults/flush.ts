/** Empties Redis; it goes on serving, and knows nothing. */
import { whole } from '../../contract/format.ts';
import { primariesOf } from '../../services/shared/redis.ts';
import { checkTarget } from './parts.ts';
import type { Fault } from './fault.ts';
import { withRedis } from './redis-client.ts';
import { watchPaths } from './taken-paths.ts';

export const flush: Fault = {
  check: checkTarget,
  async inject(target, tools) {
    const paths = watchPaths(tools, ['saleUnknown', 'saleRebuilt', 'saleFromPostgres', 'lookupFromPostgres']);
    const keys = await withRedis(tools, async (redis) => {
      const flushed = primariesOf(redis).map(async (node) => {
        const before = await node.dbsize();
        await node.flushall();
        return before;
      });
      return (await Promise.all(flushed)).reduce((sum, before) => sum + before, 0);
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
