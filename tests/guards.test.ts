/**
 * A guard that nobody needs is no guard. Each is taken out of a build of its own, and the same few steps with the same faults are played
 * with and without it, on real backends: with it every check passes, without it a promise is broken. docs/guards.md has the table.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { uniqueName } from './support/backends.ts';
import { BUILT, expectChecks, type Fleet } from './support/fleet.ts';
import { GUARDS, type Guard } from './support/guards.ts';
import { startPrivateRedis, type PrivateRedis } from './support/private-redis.ts';
import { Stage } from './support/stage.ts';
import { buildUnguarded } from './support/unguarded-build.ts';

const all: readonly (readonly [string, Guard])[] = Object.entries(GUARDS);
/** ms that the audit waits for what comes; it ends as soon as all is decided. */
const PATIENT_MS = 20_000;
/** ms that it waits for what is lost. */
const SHORT_MS = 2_500;

let redis: PrivateRedis;
let guarded: Fleet;
beforeAll(async () => {
  redis = await startPrivateRedis();
  guarded = await Stage.fleet(redis);
});
afterAll(async () => {
  await guarded?.close();
  await redis?.close();
});

async function playWithout(id: string, { cuts, sql, steps }: Guard) {
  const build = await buildUnguarded(id, { cuts });
  onTestFinished(() => build.remove());
  const ownRedis = await startPrivateRedis();
  onTestFinished(() => ownRedis.close());
  const fleet = await Stage.fleet(ownRedis, build, sql);
  onTestFinished(() => fleet.close());
  return await Stage.play(fleet, ownRedis, `without-${id}`, steps, SHORT_MS);
}

it.each(all)('%s: with it every promise is kept, without it one is broken', async (id, guard) => {
  const [kept, broken] = await Promise.allSettled([
    // A second try of the test has a sale of its own.
    Stage.play(guarded, redis, uniqueName(id), guard.steps, PATIENT_MS),
    playWithout(id, guard),
  ]);
  if (kept.status === 'rejected') throw kept.reason;
  expectChecks(kept.value);
  if (guard.seenBy !== undefined) {
    expect(broken).toMatchObject({
      status: 'rejected',
      reason: { message: expect.stringMatching(/before (?:its|the) ticket was there/) as string },
    });
    return;
  }
  if (broken.status === 'rejected') throw broken.reason;
  expectChecks(broken.value, guard.breaks);
});

it('a bundle that ships has its guards, and no trace of a build without one', () => {
  const shipped = (entry: keyof typeof BUILT) => readFileSync(BUILT[entry], 'utf8');
  for (const entry of ['gateway', 'worker'] as const) expect(shipped(entry)).not.toContain('unguarded');
  expect(shipped('gateway')).toContain('mandatory: true');
  expect(shipped('worker')).toMatch(
    /AND s\.epoch <= g\.epoch[\s\S]*ON CONFLICT \(reservation_id, item_no\) DO NOTHING/,
  );
});
