/**
 * A lock in Redis (`SET lock TOKEN NX PX`, released only by its owner: Redlock, on the one node that there is) around
 * reading and writing in Postgres. Does not oversell while nobody holds the lock longer than it lasts. Gives up safety then:
 * the lock ends by time, its holder does not know, and nothing in Postgres refuses the second writer (there is no fencing
 * token). And all buyers stand in one line.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MakeDesign } from './design.ts';
import { redisDesign } from './redis.ts';

const LOCK_MS = 1_000;
/** The same where a person sends the statements, who is slower than a program. */
const STEPPED_LOCK_MS = 15_000;
/** Tries to get the lock: about 5 s. */
const MAX_TRIES = 500;
const MAX_PAUSE_MS = 20;
const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;
const READ = 'SELECT left_units FROM stock';

export const redlock: MakeDesign = (parts) =>
  redisDesign(parts, async ({ redis, key, shop, send, order }, buyer) => {
    const { costs, stepper } = shop.notes;
    const lockMs = stepper ? STEPPED_LOCK_MS : LOCK_MS;
    const lock = `${key}:lock`;
    const token = randomBytes(8).toString('hex');
    const readLeft = async () =>
      (await shop.once<{ left_units: number }>(buyer, READ, []))[0]?.left_units ?? 0;
    const beganMs = performance.now();
    for (let tries = 0; ; tries++) {
      // 0 is final: no need to stand in line for it.
      if ((await readLeft()) <= 0) return { is: 'soldOut' };
      const answer = await send(buyer, `SET lock … NX PX ${lockMs}`, () =>
        redis.set(lock, token, 'PX', lockMs, 'NX'),
      );
      if (answer === 'OK') break;
      if (tries >= MAX_TRIES) {
        costs.gaveUp++;
        return { is: 'gaveUp' };
      }
      costs.retries++;
      await sleep(Math.random() * MAX_PAUSE_MS);
    }
    costs.lockWaitMs += performance.now() - beganMs;
    try {
      const left = await readLeft();
      if (left <= 0) return { is: 'soldOut' };
      shop.notes.between(buyer);
      await shop.once(buyer, 'UPDATE stock SET left_units = $1', [left - 1]);
      return await order(buyer, shop.stock - left + 1);
    } finally {
      await send(buyer, 'EVAL release lock', () => redis.eval(RELEASE, 1, lock, token), RELEASE);
    }
  });
