/**
 * Asks Redis how many are left, and then takes one away: two commands, and any number of buyers between them. All who read
 * a number above 0 buy. It gives up the promise for nothing: DECR's own answer would have said who came too late.
 */
import type { MakeDesign } from './design.ts';
import { redisDesign } from './redis.ts';

export const redisGetDecr: MakeDesign = (parts) =>
  redisDesign(parts, async ({ redis, key, shop, send, order }, buyer) => {
    const left = Number(await send(buyer, 'GET left', () => redis.get(key)));
    if (left <= 0) return { is: 'soldOut' };
    shop.notes.between(buyer);
    const after = await send(buyer, 'DECR left', () => redis.decr(key));
    return await order(buyer, shop.stock - after);
  });
