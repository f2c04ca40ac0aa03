/**
 * The guards of the engine, and what goes wrong without each: how it is taken out, and the few steps with faults that then break a
 * promise. With the guard the same steps keep every promise. docs/model has the shortest way to each breach; these are such ways on the
 * real parts.
 */
import { connect } from 'amqplib';
import type { CheckId } from '../../contract/checks.ts';
import { MODEL_GUARDS, modelCell, type ModelGuard } from '../../contract/model-cells.ts';
import type { Stage } from './stage.ts';
import type { Cut } from './unguarded-build.ts';

export interface Guard {
  /** What it is, and in which file. */
  readonly what: string;
  /** Option of docs/model that leaves it out. */
  readonly model: string;
  readonly cuts: readonly Cut[];
  /** Run on the test's own schema. */
  readonly sql?: readonly string[];
  /** Other guards that are out too in the model's counterexample, and in its cell of the matrix. */
  readonly alsoOut?: readonly string[];
  /** The steps with their faults, in a few words. */
  readonly fault: string;
  readonly steps: (stage: Stage) => Promise<void>;
  /** The checks that fail without it; none where the audit can't see it. */
  readonly breaks: readonly CheckId[];
  /** What sees it where the audit can't: the steps then throw. */
  readonly seenBy?: string;
}

const CONSUMER = 'services/worker/frame-consumer.ts';
const PROCESSOR = 'services/worker/frame-processor.ts';
const WRITER = 'services/worker/ticket-writer.ts';
const LINK = 'services/gateway/broker-link.ts';
const LOOKUP = 'services/gateway/reservation-lookup.ts';
const REBUILD = 'services/shared/rebuild.ts';
const DECIDE = 'lua/decide-frame.lua';

export const GUARDS = {
  confirm: {
    what: '`202` only after the confirm',
    model: 'NO_CONFIRM',
    cuts: [
      {
        file: LINK,
        find: `step('gateway.before-publish');`,
        replace: `frame.settle('confirmed'); step('gateway.before-publish');`,
      },
    ],
    fault: 'the gateway dies before it publishes a frame',
    steps: async (stage) => {
      await stage.buy('ann');
      stage.stopAt('gateway-1', 'gateway.before-publish');
      await stage.buy('bob');
    },
    breaks: ['no_undersell', 'conservation', 'single_outcome'],
  },
  mandatory: {
    what: 'frames are published as mandatory',
    model: 'NO_MANDATORY',
    cuts: [{ file: LINK, find: 'mandatory: true,', replace: '' }],
    fault: 'the queue is missing when a frame is published',
    steps: async (stage) => {
      await stage.scale('worker', 0);
      const broker = await connect(stage.fleet.endpoints.amqpUrl);
      const channel = await broker.createChannel();
      await channel.deleteQueue(stage.fleet.queue);
      await broker.close();
      await stage.buy('ann');
      await stage.scale('worker', 1);
      await stage.buy('bob');
    },
    breaks: ['no_undersell', 'conservation', 'single_outcome'],
  },
  'late-ack': {
    what: 'the ack comes last',
    model: 'NO_LATE_ACK',
    cuts: [
      {
        file: CONSUMER,
        find: `await this.#process(session, frames, redelivered);
      window.finish(deliveryTag);`,
        // The ack has time to leave.
        replace: `window.finish(deliveryTag); await sleep(50); await this.#process(session, frames, redelivered);`,
      },
    ],
    fault: 'the worker dies after Lua',
    steps: async (stage) => {
      stage.stopAt('worker-1', 'worker.after-lua');
      await stage.buy('ann');
      await stage.reached('worker.after-lua');
    },
    breaks: ['no_undersell', 'single_outcome', 'stock_balance'],
  },
  'late-tell': {
    what: '_granted_ is published after the commit',
    model: 'NO_LATE_TELL',
    cuts: [
      {
        file: PROCESSOR,
        find: `      const hasGrants = !decision.record.endsWith('|');`,
        replace: `      const hasGrants = !decision.record.endsWith('|');
      await this.#publish(frame, decision, hasGrants);
      step('worker.after-pubsub');`,
      },
    ],
    fault: 'the worker dies after it has published',
    steps: async (stage) => {
      stage.stopAt('worker-1', 'worker.after-pubsub');
      await stage.buy('ann');
      await stage.reached('worker.after-pubsub');
      await stage.told('ann');
      if (!(await stage.hasTicket('ann'))) throw new Error('granted was told before its ticket was there');
    },
    breaks: [],
    seenBy: 'a listener that asks Postgres for the ticket when it hears _granted_',
  },
  'late-lookup': {
    what: 'a lookup says _granted_ only of tickets',
    model: 'NO_LATE_LOOKUP',
    cuts: [
      {
        file: LOOKUP,
        find: `if (outcome.status === 'refused') return outcome;`,
        replace: `return outcome;`,
      },
    ],
    fault: 'the worker stands still after Lua, and the buyer asks',
    steps: async (stage) => {
      stage.stopAt('worker-1', 'worker.after-lua', 3_000);
      await stage.buy('ann');
      await stage.reached('worker.after-lua');
      const said = await stage.lookUp('ann');
      if (said !== 'queued') throw new Error(`a lookup said ${said} before the ticket was there`);
    },
    breaks: [],
    seenBy: 'a lookup while the worker stands still',
  },
  record: {
    what: 'a frame has one record in an epoch',
    model: 'NO_RECORD',
    cuts: [
      {
        file: DECIDE,
        find: `inBucket and string.match(inBucket, '^(.*)|') or redis.call('GET', frameKey)`,
        replace: 'false',
      },
    ],
    fault: 'the worker dies after the commit',
    steps: async (stage) => {
      stage.stopAt('worker-1', 'worker.after-commit');
      await stage.buy('ann');
      await stage.reached('worker.after-commit');
    },
    breaks: ['single_outcome'],
  },
  key: {
    what: 'a key has one answer',
    model: 'NO_KEY',
    cuts: [
      { file: DECIDE, find: `redis.call('MGET', unpack(keys))`, replace: '{}' },
      { file: DECIDE, find: `redis.call('HMGET', grantedKey, unpack(fields))`, replace: '{}' },
      { file: DECIDE, find: `local kept = refusalOf(name, toKeep)`, replace: 'local kept' },
    ],
    fault: 'a reservation is sent twice with one key before a worker decides it',
    steps: async (stage) => {
      await stage.scale('worker', 0);
      await stage.buy('ann', { key: 'once' });
      await stage.buy('ann', { key: 'once', isRepeat: true });
      await stage.scale('worker', 1);
    },
    breaks: ['single_outcome'],
  },
  rebuild: {
    what: 'Redis is rebuilt from Postgres',
    model: 'NO_REBUILD',
    cuts: [
      {
        file: PROCESSOR,
        find: `const { store, pool, counters, onRebuild } = this.#parts;`,
        replace: `const { store, pool, counters, onRebuild } = this.#parts;
    if (store) throw new FrameError('unguarded');`,
      },
    ],
    fault: 'Redis loses its data',
    steps: async (stage) => {
      await stage.buy('ann');
      await stage.ticket('ann');
      await stage.redis.loseMemory();
      await stage.buy('bob');
    },
    breaks: ['no_undersell', 'conservation', 'single_outcome', 'stock_balance', 'queues_empty'],
  },
  recall: {
    what: 'a rebuild brings grants back by frame',
    model: 'NO_RECALL',
    cuts: [{ file: DECIDE, find: `isRebuilt and redis.call('HGET', grantedKey, frameId)`, replace: 'false' }],
    fault: 'Redis loses its data after a commit, and the worker dies before the ack',
    steps: async (stage) => {
      stage.stopAt('worker-1', 'worker.after-commit', 30_000);
      await stage.buy('ann');
      await stage.reached('worker.after-commit');
      await stage.redis.loseMemory();
      stage.kill('worker-1');
    },
    breaks: ['single_outcome'],
  },
  fence: {
    what: 'an INSERT names its epoch',
    model: 'NO_FENCE',
    cuts: [{ file: WRITER, find: `AND s.epoch <= g.epoch`, replace: `AND g.epoch > 0` }],
    fault: 'two workers stand still after Lua, Redis loses its data, and the buyer of the second asks again',
    steps: async (stage) => {
      const [first] = await grantsInHand(stage);
      await stage.redis.loseMemory();
      stage.forgetStops();
      await stage.buy('bob');
      await stage.ticket('bob');
      await stage.decided('bob');
      stage.kill(first);
      await stage.decided('ann');
    },
    breaks: ['buyer_limit'],
  },
  'raise-first': {
    what: 'the epoch is raised before tickets are read',
    model: 'NO_RAISE_FIRST',
    cuts: [
      {
        file: REBUILD,
        find: `  const raised = await raiseEpoch(pool, request.saleId, known?.epoch ?? 0);
  if (!raised || raised.facts.generation < request.generation) return 'unknownSale';
`,
        replace: '',
      },
      {
        file: REBUILD,
        find: `const { id, generation } = raised.facts;`,
        replace: `const { saleId: id, generation } = request;`,
      },
      {
        file: REBUILD,
        find: `  step('worker.rebuild-loaded');`,
        replace: `  step('worker.rebuild-loaded');
  const raised = await raiseEpoch(pool, request.saleId, known?.epoch ?? 0);
  if (!raised) return 'unknownSale';`,
      },
    ],
    fault: 'the same, and the rebuild stands still after it has read the tickets',
    steps: async (stage) => {
      const [first, second] = await grantsInHand(stage);
      await stage.redis.loseMemory();
      for (const id of WORKERS)
        if (id !== first && id !== second) stage.stopAt(id, 'worker.rebuild-loaded', GRANT_IN_HAND_MS);
      await stage.buy('bob');
      await stage.reached('worker.rebuild-loaded');
      await stage.ticket('bob');
      await stage.decided('bob');
      stage.kill(first);
      await stage.decided('ann');
    },
    breaks: ['buyer_limit'],
  },
  complete: {
    what: 'a rebuild checks that what it loaded is there',
    model: 'NO_COMPLETE',
    cuts: [{ file: 'lua/rebuild-sale.lua', find: `  return 2\n`, replace: `  free = 0\n` }],
    fault: 'Redis loses its data again while a rebuild stands still before its last step',
    steps: async (stage) => {
      await stage.buy('ann');
      await stage.ticket('ann');
      await stage.redis.loseMemory();
      stage.stopAt('worker-1', 'worker.rebuild-loaded', 2_000);
      await stage.buy('bob');
      await stage.reached('worker.rebuild-loaded');
      await stage.redis.loseMemory();
      await stage.ticket('bob');
      await stage.buy('ann');
    },
    breaks: ['buyer_limit'],
  },
  'run-id': {
    what: 'a restart of Redis rebuilds each sale',
    model: 'NO_RUN_ID',
    cuts: [
      { file: DECIDE, find: ` or sale[9] ~= server`, replace: '' },
      {
        file: 'services/worker/worker.ts',
        find: `      void processor.rebuildSales(`,
        replace: `      if (log === undefined) void processor.rebuildSales(`,
      },
    ],
    fault:
      'Redis starts again with the keys of the sale as they were before a grant, a worker stands still with that unit, and its holder asks again',
    steps: async (stage) => {
      const setBack = await stage.saveRedis();
      await stage.buy('ann');
      await stage.ticket('ann');
      await stage.scale('worker', 0);
      await stage.redis.kill();
      await stage.redis.start();
      await setBack();
      await stage.scale('worker', 2);
      for (const id of WORKERS.slice(0, 2)) stage.stopAt(id, 'worker.after-lua', GRANT_IN_HAND_MS);
      await stage.buy('bob');
      await stage.reached('worker.after-lua');
      stage.forgetStops();
      await stage.buy('ann');
      await stage.decided('ann');
      await stage.decided('bob');
    },
    breaks: ['buyer_limit'],
  },
  'unique-unit': {
    what: 'a unit has one ticket',
    model: 'NO_UNIQUE_UNIT',
    cuts: [],
    sql: ['ALTER TABLE tickets DROP CONSTRAINT tickets_pkey'],
    alsoOut: ['run-id'],
    fault: 'the keys of the sale in Redis are set back',
    steps: async (stage) => {
      const setBack = await stage.saveRedis();
      await stage.buy('ann');
      await stage.ticket('ann');
      await setBack();
      await stage.buy('bob');
      await stage.ticket('bob');
    },
    breaks: ['no_oversell', 'stock_balance'],
  },
  'unique-reservation': {
    what: 'an item of a reservation has one ticket',
    model: 'NO_UNIQUE_RESERVATION',
    cuts: [{ file: WRITER, find: `ON CONFLICT (reservation_id, item_no) DO NOTHING`, replace: '' }],
    sql: ['DROP INDEX tickets_reservation_id_item_no_key'],
    alsoOut: ['run-id'],
    fault:
      'the worker stands still after the commit, the keys of the sale in Redis are set back, another worker stands still with the same unit, and the first dies',
    steps: async (stage) => {
      const setBack = await stage.saveRedis();
      stage.stopAt('worker-1', 'worker.after-commit', 30_000);
      // Keyed: of a frame that comes again, Postgres is asked only for reservations without a key.
      await stage.buy('ann', { key: 'of-ann' });
      await stage.reached('worker.after-commit');
      await setBack();
      await stage.scale('worker', 2);
      stage.stopAt('worker-2', 'worker.after-lua', GRANT_IN_HAND_MS);
      await stage.buy('bob');
      await stage.reached('worker.after-lua');
      stage.kill('worker-1');
      await stage.decided('ann');
      await stage.decided('bob');
    },
    breaks: ['single_outcome', 'buyer_limit'],
  },
} as const satisfies Record<string, Guard>;

/** Guards that are taken out for their cell of the matrix alone. */
const ONLY_IN_MATRIX: Readonly<Record<string, Pick<Guard, 'what' | 'model' | 'cuts'>>> = {
  'later-wins': {
    what: 'a rebuild gives way to a later epoch',
    model: 'NO_LATER_WINS',
    cuts: [{ file: 'lua/rebuild-sale.lua', find: ` or tonumber(known[2]) >= epoch`, replace: '' }],
  },
  durable: {
    what: 'the queue is durable',
    model: 'NO_DURABLE',
    cuts: [
      {
        file: 'services/shared/amqp/topology.ts',
        find: '  await declareQueue(connection, names.queue, queueArguments, size);',
        replace: `  const asClassic = { durable: false, arguments: { 'x-dead-letter-exchange': names.deadExchange } };
  await onChannel(connection, (channel) => channel.assertQueue(names.queue, asClassic));`,
      },
    ],
  },
};

/** What takes a guard out of the app for its cell of the matrix. */
export interface MatrixGuard extends Pick<Guard, 'what' | 'cuts'> {
  readonly id: string;
  readonly model: ModelGuard;
  readonly sql: readonly string[];
}

/** Every guard that has a cell of the matrix. */
export function matrixGuards(): MatrixGuard[] {
  const all: Readonly<Record<string, Pick<Guard, 'what' | 'model' | 'cuts' | 'sql' | 'alsoOut'>>> = {
    ...GUARDS,
    ...ONLY_IN_MATRIX,
  };
  return MODEL_GUARDS.filter((model) => !('why' in modelCell(model))).map((model): MatrixGuard => {
    const [id, guard] = Object.entries(all).find(([, one]) => one.model === model) ?? [];
    if (id === undefined || guard === undefined) throw new Error(`nothing takes ${model} out of the app`);
    const others = (guard.alsoOut ?? []).flatMap((other) => all[other]?.cuts ?? []);
    return { id, model, what: guard.what, cuts: [...guard.cuts, ...others], sql: guard.sql ?? [] };
  });
}

const WORKERS = ['worker-1', 'worker-2', 'worker-3'] as const;
/** ms for which a worker stands still with a grant; the next steps must be over by then. */
const GRANT_IN_HAND_MS = 5_000;

/**
 * One of three workers has unit 1 in hand for ann, for long. Another has unit 2 for bob. Neither is committed.
 * @returns who has them
 */
async function grantsInHand(stage: Stage): Promise<readonly [string, string]> {
  await stage.scale('worker', 3);
  for (const id of WORKERS) stage.stopAt(id, 'worker.after-lua', 6 * GRANT_IN_HAND_MS);
  await stage.buy('ann');
  const first = await stage.reached('worker.after-lua');
  for (const id of WORKERS) if (id !== first) stage.stopAt(id, 'worker.after-lua', GRANT_IN_HAND_MS);
  await stage.buy('bob');
  return [first, await stage.reached('worker.after-lua', 2)];
}
