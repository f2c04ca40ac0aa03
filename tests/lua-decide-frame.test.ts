import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeEntry } from '../services/shared/frame.ts';
import type { FrameEntry } from '../services/shared/frame.ts';
import { idempotencyDigest } from '../services/shared/idempotency.ts';
import { BUCKET_SLOTS, askOf, frameIdOf } from '../services/shared/ids.ts';
import {
  frameKey,
  keyedField,
  keyedKey,
  recordPlace,
  refusedKey,
  saleKeys,
} from '../services/shared/keys.ts';
import { outcomeAt, parseRecord } from '../services/shared/outcomes.ts';
import { createRedis } from '../services/shared/redis.ts';
import type { RedisClient } from '../services/shared/redis.ts';
import { readRecord, readRefusals } from '../services/shared/records.ts';
import { SaleStore } from '../services/shared/sale-store.ts';
import type { UndecidedFrame } from '../services/shared/sale-store.ts';
import { testEndpoints, uniqueName } from './support/backends.ts';
import { removeKeys } from './support/redis-keys.ts';
import { SaleModel } from './support/sale-model.ts';
import type { GrantedReservation, ModelFrame } from './support/sale-model.ts';

const namespace = uniqueName('lua');
let redis: RedisClient;
let store: SaleStore;

beforeAll(() => {
  redis = createRedis(testEndpoints().redisUrl, { role: 'control' });
  store = new SaleStore(redis, namespace);
});

afterAll(async () => {
  await removeKeys(redis, namespace);
  await redis.quit();
});

function undecided(saleId: string, frame: ModelFrame): UndecidedFrame {
  return {
    id: frame.id,
    saleId,
    generation: frame.generation,
    count: frame.entries.length,
    body: frame.entries.map((entry) => encodeEntry(entry.userId, entry.quantity, entry.digest)).join(''),
    digests: frame.entries.flatMap(({ digest }) => (digest === undefined ? [] : [digest])),
  };
}

function keyedEntry(key: string, userId: string, quantity = 1): FrameEntry & { readonly digest: string } {
  return { userId, quantity, digest: idempotencyDigest(key, userId, quantity) };
}

let saleNumber = 0;
async function openSale(
  stock: number,
  perBuyerLimit = 1,
  id = `sale-${++saleNumber}`,
  generation = 1,
): Promise<string> {
  const facts = { id, title: 'A sale', stock, perBuyerLimit, generation } as const;
  await store.openSale({ ...facts, mode: 'queue', status: 'open' }, generation);
  return id;
}

let frameNumber = 0;
function frameOf(entries: readonly (string | FrameEntry)[], generation = 1): ModelFrame {
  return {
    id: `gwtest-${(++frameNumber).toString(36)}`,
    generation,
    entries: entries.map((entry) => (typeof entry === 'string' ? { userId: entry, quantity: 1 } : entry)),
  };
}

describe('decide-frame.lua', () => {
  it('gives rising units until none is left, and folds the record of a frame that gets none', async () => {
    const sale = await openSale(2);
    expect(await store.decideFrame(undecided(sale, frameOf(['a', 'b', 'c'])))).toEqual({
      status: 'decided',
      record: '1|GGS|0:1;1:2',
      remaining: 0,
      stock: 2,
      decided: 3,
      granted: 2,
    });
    expect(await store.decideFrame(undecided(sale, frameOf(['d', 'e'])))).toMatchObject({ record: '1|*S|' });
    expect(await store.decideFrame(undecided(sale, frameOf(['f'])))).toMatchObject({ record: '1|S|' });
    expect((await store.readSale(sale))?.counters).toEqual({
      remaining: 0,
      decided: 6,
      granted: 2,
      grantedUnits: 2,
      refused: { sold_out: 4, buyer_limit: 0, insufficient: 0, sale_closed: 0, sale_reset: 0, key_reused: 0 },
    });
  });

  it('changes nothing when a frame comes twice', async () => {
    const sale = await openSale(2);
    for (const frame of [frameOf(['a', 'b', 'c']), frameOf(['d', 'e'])]) {
      const first = await store.decideFrame(undecided(sale, frame));
      const before = await redis.hgetall(saleKeys(namespace, sale).sale);
      expect(await store.decideFrame(undecided(sale, frame))).toEqual({
        ...first,
        status: 'repeated',
        remaining: 0,
        decided: 0,
        granted: 0,
      });
      expect(await redis.hgetall(saleKeys(namespace, sale).sale)).toEqual(before);
    }
  });

  it('answers a key once, in one frame and over several, and counts it once', async () => {
    const sale = await openSale(5, 5);
    const keyed = keyedEntry('order-17', 'a', 2);
    const first = await store.decideFrame(undecided(sale, frameOf([keyed, 'b', keyed])));
    const second = await store.decideFrame(undecided(sale, frameOf(['c', keyed])));
    expect(first).toMatchObject({ record: '1|*G|0:1,2;1:3;2:1,2', decided: 2, granted: 2 });
    expect(second).toMatchObject({ record: '1|*G|0:4;1:1,2', decided: 1, granted: 1, remaining: 1 });
    const record = await store.readKeyed({ kind: 'keyed', saleId: sale, digest: keyed.digest }, 1);
    expect(outcomeAt(record ?? '', 0)).toEqual({ status: 'granted', units: [1, 2] });
  });

  it('refuses a key that asks for something else, in one frame and later, and tells each id its own outcome', async () => {
    const sale = await openSale(9, 9);
    const first = keyedEntry('order-17', 'a', 2);
    const others = [keyedEntry('order-17', 'a', 3), keyedEntry('order-17', 'b', 2)];
    const decision = await store.decideFrame(undecided(sale, frameOf([first, ...others, first])));
    expect(decision).toMatchObject({ record: '1|GKKG|0:1,2;3:1,2', decided: 3, granted: 1 });
    await redis.del(keyedKey(namespace, sale, 1, first.digest));
    expect(await store.decideFrame(undecided(sale, frameOf(others)))).toMatchObject({ record: '1|*K|' });
    const outcomeOf = async ({ digest }: { digest: string }) =>
      outcomeAt((await store.readKeyed({ kind: 'keyed', saleId: sale, digest }, 1)) ?? '', 0);
    expect(await outcomeOf(first)).toEqual({ status: 'granted', units: [1, 2] });
    for (const other of others)
      expect(await outcomeOf(other)).toEqual({ status: 'refused', reason: 'key_reused' });
    expect((await store.readSale(sale))?.counters.refused.key_reused).toBe(4);
  });

  it('knows what a key was granted for longer than its record, also when the sale is closed or sold out', async () => {
    const sale = await openSale(2, 2);
    const keyed = keyedEntry('order-17', 'a');
    await store.decideFrame(undecided(sale, frameOf([keyed, 'b'])));
    await redis.del(keyedKey(namespace, sale, 1, keyed.digest));
    const again = await store.decideFrame(undecided(sale, frameOf([keyed, 'c'])));
    expect(again).toMatchObject({ record: '1|GS|0:1', decided: 1, granted: 0 });
    await store.changeSale(sale, { status: 'closed' });
    await redis.del(keyedKey(namespace, sale, 1, keyed.digest));
    expect(await store.decideFrame(undecided(sale, frameOf([keyed])))).toMatchObject({ record: '1|G|0:1' });
  });

  it('decides a key anew after a reset, and counts it', async () => {
    const sale = await openSale(1);
    const keyed = keyedEntry('order-17', 'late');
    expect(await store.decideFrame(undecided(sale, frameOf(['a', keyed])))).toMatchObject({
      record: '1|GS|0:1',
    });
    await openSale(1, 1, sale, 2);
    expect(await store.decideFrame(undecided(sale, frameOf([keyed], 2)))).toMatchObject({
      record: '2|G|0:1',
      decided: 1,
      granted: 1,
    });
  });

  it('gives all units of a reservation or none', async () => {
    const sale = await openSale(3, 3);
    const pair = (userId: string): FrameEntry => ({ userId, quantity: 2 });
    const decision = await store.decideFrame(undecided(sale, frameOf([pair('a'), pair('b'), 'c', 'd'])));
    expect(decision).toMatchObject({ record: '1|GQGS|0:1,2;2:3' });
  });

  it('counts what a buyer asks for in one frame and over several against the limit', async () => {
    const sale = await openSale(10, 3);
    const frame = frameOf([{ userId: 'a', quantity: 2 }, { userId: 'a', quantity: 2 }, 'a', 'a']);
    expect(await store.decideFrame(undecided(sale, frame))).toMatchObject({ record: '1|GLGL|0:1,2;2:3' });
    expect(await store.decideFrame(undecided(sale, frameOf(['a', 'b'])))).toMatchObject({
      record: '1|LG|1:4',
    });
  });

  it('asks for a rebuild when it does not know the sale, or only an older generation', async () => {
    const frame = frameOf(['a']);
    expect(await store.decideFrame(undecided('never-opened', frame))).toEqual({ status: 'unknownSale' });
    const sale = await openSale(1);
    expect(await store.decideFrame(undecided(sale, frameOf(['a'], 2)))).toEqual({
      status: 'unknownSale',
      staleEpoch: 1,
    });
    expect(await redis.exists(frameKey(namespace, 'never-opened', frame.id))).toBe(0);
  });

  it('decides a full frame, and keeps every record for a bounded time', async () => {
    const sale = await openSale(600);
    const frame = frameOf(Array.from({ length: 511 }, (_, at) => `user-${at}`).concat('user-0'));
    const decision = await store.decideFrame(undecided(sale, frame));
    if (decision.status === 'unknownSale') throw new Error('the sale is open');
    const record = parseRecord(decision.record, 512);
    expect(record.grants.map((grant) => grant.units[0])).toEqual(
      Array.from({ length: 511 }, (_, at) => at + 1),
    );
    expect(record.codes.endsWith('GL')).toBe(true);
    const entryOfZ = keyedEntry('order-18', 'z');
    const keyed = frameOf([entryOfZ]);
    await store.decideFrame(undecided(sale, keyed));
    for (const key of [
      frameKey(namespace, sale, frame.id),
      frameKey(namespace, sale, keyed.id),
      keyedKey(namespace, sale, 1, entryOfZ.digest),
    ]) {
      const leftMs = await redis.pttl(key);
      expect(leftMs).toBeGreaterThan(15 * 60_000);
      expect(leftMs).toBeLessThanOrEqual(20 * 60_000);
    }
  });

  it('keeps the outcomes of a refused frame in 128 bytes, whatever its size', async () => {
    const sale = await openSale(1);
    await store.decideFrame(undecided(sale, frameOf(['winner'])));
    for (const count of [1, 32, 256, 512]) {
      const frame = frameOf(Array.from({ length: count }, (_, at) => `loser-${at}`));
      await store.decideFrame(undecided(sale, frame));
      expect(await redis.memory('USAGE', frameKey(namespace, sale, frame.id))).toBeLessThanOrEqual(128);
    }
  });

  it('keeps a refused reservation in 60 bytes, whatever the size of its frame', async () => {
    const frames = 2 * BUCKET_SLOTS;
    // What MEMORY USAGE leaves out: a key's entry among those that expire.
    const expiryBytes = 60;
    for (const count of [1, 2, 3, 4, 16]) {
      const sale = await openSale(1);
      await store.decideFrame(undecided(sale, frameOf(['winner'])));
      for (let frame = 0; frame < frames; frame++) {
        const id = frameIdOf('gwmemory', 1 + Math.floor(frame / BUCKET_SLOTS), frame % BUCKET_SLOTS);
        const entries = Array.from({ length: count }, (_, at) => `loser-${at}`);
        await store.decideFrame(undecided(sale, { ...frameOf(entries), id }));
      }
      const keys = await redis.keys(`${namespace}:{${sale}}:f*gwmemory*`);
      let bytes = 0;
      for (const key of keys) bytes += Number(await redis.memory('USAGE', key, 'SAMPLES', 0)) + expiryBytes;
      expect(bytes / (frames * count), `frames of ${count}`).toBeLessThan(60);
      expect(keys).toHaveLength(count <= 3 ? 2 : frames);
    }
  });

  it('keeps a refused reservation with a key in 60 bytes, whatever the size of its frame', async () => {
    const expiryBytes = 60;
    for (const count of [1, 2, 4, 8, 9, 64]) {
      const sale = await openSale(1, 1, `sale-of-thirty-two-characters-${count.toString().padStart(2, '0')}`);
      await store.decideFrame(undecided(sale, frameOf(['winner'])));
      const frames = Math.ceil(2_000 / count / BUCKET_SLOTS) * BUCKET_SLOTS;
      const decisions = Array.from({ length: frames }, (_, frame) => {
        const id = frameIdOf('gwmemory', 1 + Math.floor(frame / BUCKET_SLOTS), frame % BUCKET_SLOTS);
        const entries = Array.from({ length: count }, (_, at) => keyedEntry(`${id} ${at}`, `loser-${at}`));
        return store.decideFrame(undecided(sale, { ...frameOf(entries), id }));
      });
      await Promise.all(decisions);
      expect(await redis.get(refusedKey(namespace, sale, 1))).toMatch(
        new RegExp(`^1 \\d+ ${frames * count} 0 0$`),
      );
      let bytes = 0;
      for (const kind of ['f', 'fs', 'k', 'r'])
        for (const key of await redis.keys(`${namespace}:{${sale}}:${kind}:*`)) {
          bytes += Number(await redis.memory('USAGE', key, 'SAMPLES', 0)) + expiryBytes;
          expect(await redis.pttl(key), key).toBeGreaterThan(19 * 60_000);
          expect(await redis.pttl(key), key).toBeLessThanOrEqual(30 * 60_000);
        }
      expect(bytes / (frames * count), `frames of ${count}`).toBeLessThan(60);
    }
  });

  it('finds each of many refused keys again, over the windows of its retention, and forgets one', async () => {
    const sale = await openSale(1);
    await store.decideFrame(undecided(sale, frameOf(['winner'])));
    const index = refusedKey(namespace, sale, 1);
    const all = Array.from({ length: 1_500 }, (_, at) => keyedEntry(`order-${at}`, `buyer-${at}`));
    const framesOf = (entries: readonly FrameEntry[]) =>
      Array.from({ length: Math.ceil(entries.length / 100) }, (_, at) =>
        store.decideFrame(undecided(sale, frameOf(entries.slice(100 * at, 100 * at + 100)))),
      );
    const decidedOf = async (entries: readonly FrameEntry[]) =>
      (await Promise.all(framesOf(entries))).reduce(
        (sum, decision) => sum + (decision.status === 'decided' ? decision.decided : NaN),
        0,
      );
    // As if its window had begun 10 minutes before.
    const passWindow = async () => {
      const [window, beganMs, ...counts] = (await redis.get(index))?.split(' ') ?? [];
      await redis.set(index, [window, Number(beganMs) - 10 * 60_000, ...counts].join(' '), 'KEEPTTL');
    };
    expect(await decidedOf(all.slice(0, 1_000))).toBe(1_000);
    expect(await decidedOf(all.slice(0, 1_000))).toBe(0);
    await passWindow();
    expect(await decidedOf(all)).toBe(500);
    await passWindow();
    const last = keyedEntry('last', 'z');
    expect(await decidedOf([...all, last])).toBe(1);
    expect(await redis.get(index)).toMatch(/^3 \d+ 1 500 1000$/);
    const shards = await redis.keys(`${index}:*`);
    expect(shards).toHaveLength(1 + 13 + 26);
    for (const shard of shards) expect(await redis.object('ENCODING', shard)).toMatch(/listpack|ziplist/);
    const read = () =>
      readRefusals(
        redis,
        namespace,
        sale,
        1,
        [...all, last].map(({ digest }) => digest),
      );
    expect(new Set(await read())).toEqual(new Set(['0|S|']));
    const other = keyedEntry('order-7', 'another');
    expect(await store.readKeyed({ kind: 'keyed', saleId: sale, digest: other.digest }, 1)).toBe('0|K|');
    expect(await store.decideFrame(undecided(sale, frameOf([other])))).toMatchObject({ record: '1|K|' });
    await store.deleteKey({ kind: 'keyed', saleId: sale, digest: all[7]?.digest ?? '' }, 1);
    expect((await read()).flatMap((record, at) => (record === undefined ? [at] : []))).toEqual([7]);
    // The first window is over.
    await passWindow();
    expect(await decidedOf(all)).toBe(1_000);
  });

  it('answers a refusal that a former version kept, and keeps it with the others in a new epoch', async () => {
    const sale = await openSale(1);
    await store.decideFrame(undecided(sale, frameOf(['winner'])));
    const keyed = keyedEntry('order-17', 'late');
    const key = keyedKey(namespace, sale, 1, keyed.digest);
    await redis.set(key, `${askOf(keyed.digest)}0|L|`, 'PX', 60_000);
    expect(await store.readKeyed({ kind: 'keyed', saleId: sale, digest: keyed.digest }, 1)).toBe('0|L|');
    expect(await store.decideFrame(undecided(sale, frameOf([keyed])))).toMatchObject({
      record: '1|L|',
      decided: 0,
    });
    expect(await redis.exists(key)).toBe(0);
    expect(await readRefusals(redis, namespace, sale, 1, [keyed.digest])).toEqual(['0|L|']);
  });

  it('finds the record of a small frame in its bucket, with the time of its decision, as long as any other', async () => {
    const sale = await openSale(1);
    const frame = { ...frameOf(['a', 'b']), id: 'gwbucket-101' };
    const beforeMs = Date.now();
    const decision = await store.decideFrame(undecided(sale, frame));
    expect(decision).toMatchObject({ status: 'decided', record: '1|GS|0:1' });
    const place = recordPlace(namespace, sale, frame.id);
    const found = await readRecord(redis, place);
    expect(found?.record).toBe('1|GS|0:1');
    expect(found?.atMs).toBeGreaterThanOrEqual(beforeMs);
    expect(found?.atMs).toBeLessThanOrEqual(Date.now());
    expect(await redis.exists(place.key)).toBe(0);
    expect(await redis.pttl(place.bucketKey)).toBeGreaterThan(19 * 60_000);
    expect(await store.decideFrame(undecided(sale, frame))).toMatchObject({
      status: 'repeated',
      record: '1|GS|0:1',
    });
    expect(await store.knowsFrame(sale, frame.id)).toBe(true);
    expect(await store.knowsFrame(sale, 'gwbucket-102')).toBe(false);
  });

  it('moves a record that grows out of its bucket, and keeps the bucket tight', async () => {
    const sale = await openSale(1_000_000, 10);
    const all = (userId: string): FrameEntry => ({ userId, quantity: 10 });
    const long = { ...frameOf([all('a'), all('b'), all('c')]), id: 'gwbucket-102' };
    const place = recordPlace(namespace, sale, long.id);
    // As of an earlier epoch.
    await redis.hset(place.bucketKey, place.slot, `0|*C||${Date.now()}`);
    await redis.hset(saleKeys(namespace, sale).sale, 'remaining', 0);
    expect(await store.decideFrame(undecided(sale, long))).toMatchObject({ record: '1|*C|' });
    const other = { ...long, id: 'gwbucket-103' };
    await redis.hset(saleKeys(namespace, sale).sale, 'remaining', 1_000_000);
    const decision = await store.decideFrame(undecided(sale, other));
    expect(decision).toMatchObject({ status: 'decided', granted: 3 });
    expect(await store.readRecord({ saleId: sale, frameId: other.id })).toMatch(/^1\|\*G\|0:1,2/);
    expect(await redis.hkeys(place.bucketKey)).toEqual(['02']);
    expect(await redis.object('ENCODING', place.bucketKey)).toMatch(/listpack|ziplist/);
  });

  it('survives the loss of Redis’ script cache', async () => {
    const sale = await openSale(1);
    await store.decideFrame(undecided(sale, frameOf(['a'])));
    await redis.script('FLUSH');
    const decisions = await Promise.all(
      ['b', 'c', 'd'].map((user) => store.decideFrame(undecided(sale, frameOf([user])))),
    );
    expect(decisions.map((decision) => decision.status)).toEqual(['decided', 'decided', 'decided']);
  });
});

// ── The script against the model ────────────────────────────────────────────────────────────────────────────

const entry = fc
  .record({
    user: fc.integer({ min: 0, max: 5 }),
    quantity: fc.integer({ min: 1, max: 3 }),
    key: fc.constantFrom(undefined, 'a', 'b', 'c'),
  })
  .map(({ user, quantity, key }): FrameEntry => {
    const userId = `user-${user}`;
    return key === undefined ? { userId, quantity } : keyedEntry(key, userId, quantity);
  });
const plain = fc
  .integer({ min: 0, max: 9 })
  .map((user): FrameEntry => ({ userId: `user-${user}`, quantity: 1 }));
const entries = fc.oneof(
  fc.array(entry, { minLength: 1, maxLength: 6 }),
  fc.array(plain, { minLength: 1, maxLength: 6 }),
);

type Step =
  | { kind: 'decide'; entries: readonly FrameEntry[]; generationOffset: number }
  | { kind: 'again'; which: number }
  | { kind: 'change'; status: 'open' | 'closed'; limit: number }
  | { kind: 'expire' }
  | { kind: 'reset'; stock: number; limit: number }
  | { kind: 'rebuild'; isForgotten: boolean; committedBits: number; pageSize: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('decide'),
      entries,
      generationOffset: fc.constantFrom(0, 0, 0, 0, 0, 0, -1, 1),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('again'), which: fc.nat(20) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('change'),
      status: fc.constantFrom('open', 'open', 'closed'),
      limit: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire') }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('reset'),
      stock: fc.integer({ min: 1, max: 12 }),
      limit: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('rebuild'),
      isForgotten: fc.boolean(),
      committedBits: fc.integer({ min: 0, max: 2 ** 24 - 1 }),
      pageSize: fc.integer({ min: 1, max: 5 }),
    }),
  },
);

/** Loads grants as rebuild.ts does: by unit, in pages. */
async function rebuildInRedis(
  saleId: string,
  model: SaleModel,
  committed: readonly GrantedReservation[],
  epoch: number,
  pageSize: number,
): Promise<void> {
  const token = uniqueName('token');
  const rows = committed
    .flatMap((grant) => grant.units.map((unit) => ({ grant, unit })))
    .sort((a, b) => a.unit - b.unit);
  let expected = 1;
  for (let number = 1, at = 0; at < rows.length || number === 1; number++, at += pageSize) {
    const unitsByUser = new Map<string, number>();
    const grantsByField = new Map<string, string>();
    const freeUnits: number[] = [];
    const page = rows.slice(at, at + pageSize);
    for (const { grant, unit } of page) {
      while (expected < unit) freeUnits.push(expected++);
      expected = unit + 1;
      unitsByUser.set(grant.userId, (unitsByUser.get(grant.userId) ?? 0) + 1);
      const field = grant.digest === undefined ? (grant.frameId ?? '') : keyedField(grant.digest);
      const before = grantsByField.get(field);
      const text =
        grant.digest === undefined
          ? `${before === undefined ? '' : `${before};`}${grant.index}:${unit}`
          : `${before === undefined ? askOf(grant.digest) : `${before},`}${unit}`;
      grantsByField.set(field, text);
    }
    const ticketPage = { number, tickets: page.length, unitsByUser, grantsByField, freeUnits };
    await store.loadTickets(saleId, token, ticketPage);
    // A client that lost its connection sends the page again.
    if (number % 2 === 0) await store.loadTickets(saleId, token, ticketPage);
  }
  const result = await store.startEpoch(
    {
      id: saleId,
      title: 'A sale',
      stock: model.stock,
      perBuyerLimit: model.limit,
      mode: 'queue',
      status: model.status,
      generation: model.generation,
    },
    token,
    { epoch, tickets: rows.length, nextUnit: expected, grantedReservations: committed.length },
  );
  expect(result).toBe('rebuilt');
}

async function runSteps(steps: readonly Step[]): Promise<void> {
  const saleId = `model-${++saleNumber}`;
  const keys = saleKeys(namespace, saleId);
  const model = new SaleModel();
  const frames: ModelFrame[] = [];
  let highestEpoch = 0;

  const open = async (stock: number, limit: number) => {
    model.open(stock, limit);
    const facts = {
      id: saleId,
      title: 'A sale',
      stock,
      perBuyerLimit: limit,
      mode: 'queue',
      status: 'open',
    } as const;
    expect(await store.openSale({ ...facts, generation: model.generation }, model.epoch)).toBe('opened');
    expect(await store.openSale({ ...facts, generation: model.generation }, model.epoch)).toBe('kept');
  };
  const decide = async (frame: ModelFrame) => {
    const expected = model.decide(frame);
    const actual = await store.decideFrame(undecided(saleId, frame));
    expect(actual.status).toBe(expected.status);
    if (actual.status === 'unknownSale' || expected.status === 'unknownSale') return;
    const record = parseRecord(actual.record, frame.entries.length);
    expect(record.epoch).toBe(model.epoch);
    expect(record.codes).toBe(expected.answers.map((answer) => answer.code).join(''));
    const units = new Map(
      record.grants.map((grant) => [grant.index, [...grant.units].sort((a, b) => a - b)]),
    );
    expected.answers.forEach((answer, index) =>
      expect(units.get(index) ?? []).toEqual([...answer.units].sort((a, b) => a - b)),
    );
    expect(actual.remaining).toBe(model.remaining);
  };

  await open(8, 2);
  for (const next of steps) {
    highestEpoch = Math.max(highestEpoch, model.epoch);
    switch (next.kind) {
      case 'decide': {
        const frame = frameOf(next.entries, Math.max(1, model.generation + next.generationOffset));
        frames.push(frame);
        await decide(frame);
        break;
      }
      case 'again': {
        const frame = frames[next.which % Math.max(1, frames.length)];
        if (frame) await decide(frame);
        break;
      }
      case 'change':
        Object.assign(model, { status: next.status, limit: next.limit });
        await store.changeSale(saleId, { status: next.status, perBuyerLimit: next.limit });
        break;
      case 'expire': {
        model.expireKeys();
        const records = await redis.keys(`${namespace}:{${saleId}}:[kr]:*`);
        if (records.length > 0) await redis.del(...records);
        break;
      }
      case 'reset':
        await open(next.stock, next.limit);
        break;
      case 'rebuild': {
        const committed = model.granted.filter((_, at) => (next.committedBits >> (at % 24)) & 1);
        if (next.isForgotten) await redis.del(keys.sale, keys.buyers, keys.granted, keys.returned);
        await rebuildInRedis(saleId, model, committed, highestEpoch + 1, next.pageSize);
        model.rebuild(highestEpoch + 1, committed, next.isForgotten);
        break;
      }
    }
    const { counts } = model;
    expect((await store.readSale(saleId))?.counters).toEqual({
      remaining: model.remaining,
      decided: Object.values(counts).reduce((sum, count) => sum + count, 0),
      granted: counts.G,
      grantedUnits: model.stock - model.remaining,
      refused: {
        sold_out: counts.S,
        buyer_limit: counts.L,
        insufficient: counts.Q,
        sale_closed: counts.C,
        sale_reset: counts.R,
        key_reused: counts.K,
      },
    });
    // Whatever happens, no unit is held twice, and none lies outside the stock.
    const held = model.granted.flatMap((grant) => grant.units);
    expect(new Set(held).size).toBe(held.length);
    expect(held.every((unit) => unit >= 1 && unit <= model.stock)).toBe(true);
  }
}

describe('decide-frame.lua against a model', () => {
  it('agrees after any frames, repeats, keys, changes, resets and rebuilds', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), runSteps), {
      numRuns: 150,
    });
  });
});
