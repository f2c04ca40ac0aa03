/**
 * One Lua script looks and takes, and the order follows by itself, without a queue. Never oversells. Gives up what happens
 * between Redis and Postgres: a process that ends there has taken a unit that nobody owns; and Postgres must keep up with
 * the buyers.
 */
import type { MakeDesign } from './design.ts';
import { redisDesign } from './redis.ts';

const TAKE = `local left = tonumber(redis.call('GET', KEYS[1]))
if left <= 0 then return -1 end
return redis.call('DECR', KEYS[1])`;

export const redisLua: MakeDesign = (parts) =>
  redisDesign(parts, async ({ redis, key, shop, send, order }, buyer) => {
    const after = Number(await send(buyer, 'EVAL take', () => redis.eval(TAKE, 1, key), TAKE));
    if (after < 0) return { is: 'soldOut' };
    shop.notes.between(buyer);
    return await order(buyer, shop.stock - after);
  });
