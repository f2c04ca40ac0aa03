/**
 * Takes one away first, and gives it back when the answer is below 0. Never oversells. Gives up what happens between Redis
 * and Postgres: a process that ends there has taken a unit that nobody owns; and for the time of a give-back the counter is
 * lower than the truth.
 */
import type { MakeDesign } from './design.ts';
import { redisDesign } from './redis.ts';

export const redisDecr: MakeDesign = (parts) =>
  redisDesign(parts, async ({ redis, key, shop, send, order }, buyer) => {
    const after = await send(buyer, 'DECR left', () => redis.decr(key));
    if (after >= 0) {
      shop.notes.between(buyer);
      return await order(buyer, shop.stock - after);
    }
    await send(buyer, 'INCR left', () => redis.incr(key));
    return { is: 'soldOut' };
  });
