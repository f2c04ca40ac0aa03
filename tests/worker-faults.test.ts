/** What the worker must survive: its own death, backends that go away or refuse, and its own end. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { quoteIdentifier } from '../services/shared/postgres.ts';
import { expectTaken } from './support/expect-taken.ts';
import { startStallingProxy } from './support/stalling-proxy.ts';
import { startTcpProxy } from './support/tcp-proxy.ts';
import { WorkerWorld, newBuyers, waitFor } from './support/worker-world.ts';

let world: WorkerWorld;
beforeEach(async () => {
  world = await new WorkerWorld().open();
});
afterEach(() => world.close());

describe('a worker killed between decision and record', () => {
  it.each([
    ['its insert is lost', true],
    ['its insert is committed after its death', false],
  ])('leaves its frame to another, which records the same units: %s', async (_, isInsertLost) => {
    await world.openSale('sale', 5);
    const doomed = world.forkWorker();
    await doomed.ready();
    const release = await world.holdTickets();
    const frame = await world.publish('sale', newBuyers(3));
    await waitFor('an insert that waits', async () => (await world.waitingInserts()).length > 0);
    const decided = await world.store.readRecord({ saleId: 'sale', frameId: frame.id });
    await doomed.kill();
    if (isInsertLost)
      for (const pid of await world.waitingInserts())
        await world.pool.query('SELECT pg_terminate_backend($1)', [pid]);
    await release();
    expect(world.events).toEqual([]);
    const heir = await world.startWorker();
    await world.settled();
    await waitFor('the repeat', () => heir.counters.repeatedFrames === 1);
    expect(world.events).toMatchObject([{ isRepeated: true, record: decided }]);
    expect(await world.audit('sale', 5)).toHaveLength(3);
    expect(heir.counters.rebuilds).toBe(0);
    expectTaken(heir.sample().rarePaths, 'frameRedelivered', 'frameRepeated');
    // An insert that was lost is the heir's own.
    if (isInsertLost) expect(heir.counters.rare.ticketsPresent).toBe(0);
    else expectTaken(heir.sample().rarePaths, 'ticketsPresent');
  });
});

describe('an engine that goes away', () => {
  it.each([
    ['Postgres', 'postgresUrl', 'FLASHGRID_POSTGRES_URL'],
    ['Redis', 'redisUrl', 'FLASHGRID_REDIS_URL'],
    ['RabbitMQ', 'amqpUrl', 'FLASHGRID_AMQP_URL'],
  ] as const)('costs nothing but time: %s', async (_, endpoint, variable) => {
    const proxy = await startTcpProxy(world.endpoints[endpoint]);
    world.onClose('proxy', () => proxy.close());
    await world.openSale('sale', 600);
    const worker = await world.startWorker({ [variable]: proxy.url, FLASHGRID_PREFETCH: '4' });
    for (let frame = 0; frame < 10; frame++) await world.publish('sale', newBuyers(10));
    await waitFor('first frames', () => worker.counters.frames > 0);
    proxy.cut();
    for (let frame = 0; frame < 30; frame++) await world.publish('sale', newBuyers(10));
    const isAway = async () =>
      endpoint === 'amqpUrl'
        ? (await fetch(`http://127.0.0.1:${worker.port}/readyz`)).status === 503
        : worker.counters.retries > 0;
    await waitFor('the loss to be felt', isAway);
    proxy.mend();
    await world.settled();
    expect(await world.audit('sale', 600)).toHaveLength(400);
    expect(await world.deadLength()).toBe(0);
    expect((await world.store.readSale('sale'))?.counters).toMatchObject({ decided: 400, granted: 400 });
    const taken = worker.sample().rarePaths;
    if (endpoint === 'postgresUrl') expectTaken(taken, 'commitRetried');
    else if (endpoint === 'redisUrl') expectTaken(taken, 'decisionRetried');
    else expectTaken(taken, 'workerReconnected');
  });

  it('and takes the answer of a commit with it, costs no ticket; frames go back when the worker has to stop', async () => {
    const proxy = await startTcpProxy(world.endpoints.postgresUrl);
    world.onClose('proxy', () => proxy.close());
    await world.openSale('sale', 9);
    const through = { FLASHGRID_POSTGRES_URL: proxy.url, FLASHGRID_STOP_TIMEOUT_MS: '500' };
    const worker = await world.startWorker(through);
    const release = await world.holdTickets();
    await world.publish('sale', newBuyers(3));
    await waitFor('an insert that waits', async () => (await world.waitingInserts()).length > 0);
    proxy.cut();
    await release();
    await waitFor('the commit that nobody hears of', async () => (await world.tickets('sale')).length === 3);
    proxy.mend();
    await world.settled();
    expectTaken(worker.sample().rarePaths, 'commitRetried', 'commitAnswerLost');

    proxy.cut();
    const retriesBefore = worker.counters.retries;
    await world.publish('sale', newBuyers(2));
    await waitFor('a try in vain', () => worker.counters.retries > retriesBefore);
    await worker.stop();
    expectTaken(worker.sample().rarePaths, 'frameRequeued');
    await world.startWorker();
    await world.settled();
    expect(await world.audit('sale', 9)).toHaveLength(5);
  });
});

describe('a backend that refuses for a while', () => {
  /** A user of Postgres and one of Redis that only this test's worker logs in as. */
  async function startAsOwnUser() {
    const user = world.namespace.replaceAll('-', '_');
    const password = 'first';
    const name = quoteIdentifier(user);
    const { pool, redis, endpoints } = world;
    await pool.query(`CREATE ROLE ${name} LOGIN PASSWORD '${password}'`);
    await pool.query(`GRANT USAGE ON SCHEMA ${quoteIdentifier(world.namespace)} TO ${name}`);
    await pool.query(`GRANT ALL ON ALL TABLES IN SCHEMA ${quoteIdentifier(world.namespace)} TO ${name}`);
    world.onClose('role', () => pool.query(`DROP OWNED BY ${name}; DROP ROLE ${name}`));
    await redis.call('ACL', 'SETUSER', user, 'on', `>${password}`, '~*', '&*', '+@all');
    world.onClose('redis user', () => redis.call('ACL', 'DELUSER', user));
    const asUser = (url: string) => Object.assign(new URL(url), { username: user, password }).href;
    const worker = await world.startWorker({
      FLASHGRID_POSTGRES_URL: asUser(endpoints.postgresUrl),
      FLASHGRID_REDIS_URL: asUser(endpoints.redisUrl),
      FLASHGRID_PREFETCH: '4',
    });
    const reconnect = async () => {
      await pool.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1`, [user]);
      await redis.call('CLIENT', 'KILL', 'USER', user);
    };
    return { worker, user, name, password, reconnect };
  }
  type OwnUser = Awaited<ReturnType<typeof startAsOwnUser>>;

  const faults: [string, (own: OwnUser) => Promise<unknown>, (own: OwnUser) => Promise<unknown>][] = [
    [
      'Postgres is read-only',
      ({ name }) => world.pool.query(`ALTER ROLE ${name} SET default_transaction_read_only = on`),
      ({ name }) => world.pool.query(`ALTER ROLE ${name} RESET default_transaction_read_only`),
    ],
    [
      'the password of Postgres is another',
      ({ name }) => world.pool.query(`ALTER ROLE ${name} PASSWORD 'second'`),
      ({ name, password }) => world.pool.query(`ALTER ROLE ${name} PASSWORD '${password}'`),
    ],
    [
      'a right in Postgres is taken',
      ({ name }) =>
        world.pool.query(`REVOKE INSERT ON ${quoteIdentifier(world.namespace)}.tickets FROM ${name}`),
      ({ name }) =>
        world.pool.query(`GRANT INSERT ON ${quoteIdentifier(world.namespace)}.tickets TO ${name}`),
    ],
    [
      'a table of Postgres is not there',
      () => world.pool.query('ALTER TABLE tickets RENAME TO tickets_elsewhere'),
      () => world.pool.query('ALTER TABLE tickets_elsewhere RENAME TO tickets'),
    ],
    [
      'the password of Redis is another',
      ({ user }) => world.redis.call('ACL', 'SETUSER', user, 'resetpass', '>second'),
      ({ user, password }) => world.redis.call('ACL', 'SETUSER', user, 'resetpass', `>${password}`),
    ],
    [
      'a right in Redis is taken',
      ({ user }) => world.redis.call('ACL', 'SETUSER', user, '-evalsha', '-eval'),
      ({ user }) => world.redis.call('ACL', 'SETUSER', user, '+evalsha', '+eval'),
    ],
  ];
  it.each(faults)('costs nothing but time: %s', async (_, breakIt, mendIt) => {
    await world.openSale('sale', 60);
    const own = await startAsOwnUser();
    await world.publish('sale', newBuyers(5));
    await world.settled();
    await breakIt(own);
    await own.reconnect();
    for (let frame = 0; frame < 8; frame++) await world.publish('sale', newBuyers(5));
    await waitFor('several tries', () => own.worker.counters.retries > 20);
    expect(await world.deadLength()).toBe(0);
    await mendIt(own);
    await world.settled();
    expect(await world.audit('sale', 60)).toHaveLength(45);
    expect(await world.deadLength()).toBe(0);
    expect(own.worker.counters.requeued).toBe(0);
  });

  it('dead-letters nothing when the channel of frames in hand is closed again and again', async () => {
    const proxy = await startTcpProxy(world.endpoints.amqpUrl);
    world.onClose('proxy', () => proxy.close());
    await world.openSale('sale', 60);
    const worker = await world.startWorker({ FLASHGRID_AMQP_URL: proxy.url });
    const release = await world.holdTickets();
    for (let frame = 0; frame < 4; frame++) await world.publish('sale', newBuyers(10));
    for (let closed = 1; closed <= 8; closed++) {
      await waitFor('frames in hand', async () => (await world.queueLength()) === 0);
      proxy.cut();
      await waitFor('the frames back in the queue', async () => (await world.queueLength()) === 4);
      proxy.mend();
    }
    await waitFor('frames in hand', async () => (await world.queueLength()) === 0);
    await release();
    await world.settled();
    await waitFor('no frame in hand', () => worker.sample().framesInHandNow === 0);
    expectTaken(worker.sample().rarePaths, 'ackLost', 'frameRedelivered', 'workerReconnected');
    expect(await world.audit('sale', 60)).toHaveLength(40);
    expect(await world.deadLength()).toBe(0);
  });
});

describe('connections that have died without a word', () => {
  it('are dropped as soon as new ones get an answer, and cost nothing but time', async () => {
    const { amqpUrl, postgresUrl } = world.endpoints;
    const broker = await startStallingProxy(amqpUrl);
    const postgres = await startStallingProxy(postgresUrl);
    for (const proxy of [broker, postgres]) world.onClose('proxy', () => proxy.close());
    await world.openSale('sale', 9);
    const worker = await world.startWorker({
      FLASHGRID_AMQP_URL: broker.url,
      FLASHGRID_POSTGRES_URL: postgres.url,
    });
    for (const proxy of [broker, postgres]) proxy.orphan();
    await world.publish('sale', newBuyers(3));
    await waitFor('both to be dropped', () => {
      const { postgresLinkDead, workerLinkDead } = worker.counters.rare;
      return postgresLinkDead > 0 && workerLinkDead > 0;
    });
    expectTaken(worker.sample().rarePaths, 'postgresLinkDead', 'workerLinkDead');
    // RabbitMQ hears only now that the old connection is closed, and hands the frame out again.
    broker.restore();
    await world.settled();
    expect(await world.audit('sale', 9)).toHaveLength(3);
  });
});

describe('a frame that waits for Postgres', () => {
  it('does not keep RabbitMQ from handing out others: those that are done are acked before it', async () => {
    await world.openSale('sale', 2);
    const worker = await world.startWorker({ FLASHGRID_PREFETCH: '2' });
    const release = await world.holdTickets();
    await world.publish('sale', newBuyers(2));
    for (let frame = 0; frame < 3; frame++) await world.publish('sale', newBuyers(2));
    await waitFor('the others to be decided', () => worker.counters.frames === 3);
    expectTaken(worker.sample().rarePaths, 'ackedOutOfOrder');
    await release();
    await world.settled();
    expect(await world.audit('sale', 2)).toHaveLength(2);
  });
});

describe('queues of an earlier version', () => {
  it('are emptied and replaced, and no frame is lost', async () => {
    const { channel, topology, namespace } = world;
    const legacy = `${namespace}.reservations`;
    world.onClose('legacy queue', () => channel.deleteQueue(legacy));
    await channel.deleteQueue(topology.deadQueue);
    const quorum = { 'x-queue-type': 'quorum' };
    await channel.assertQueue(topology.deadQueue, { durable: true, arguments: quorum });
    await channel.bindQueue(topology.deadQueue, topology.deadExchange, '');
    await channel.assertQueue(legacy, { durable: true, arguments: { ...quorum, 'x-delivery-limit': 5 } });
    await world.openSale('sale', 9);
    const frame = await world.publish('sale', newBuyers(3));
    const message = await channel.get(topology.queue);
    if (!message) throw new Error('the frame is not in the queue');
    channel.sendToQueue(legacy, message.content, message.properties);
    await channel.waitForConfirms();
    channel.ack(message);
    await Promise.all([world.startWorker(), world.startWorker()]);
    await world.settled();
    expect(await world.outcome(frame, 0)).toMatchObject({ status: 'granted' });
    expect((await channel.checkQueue(legacy)).messageCount).toBe(0);
    await world.publishRaw(Buffer.from('not a frame'), 'nonsense', {});
    await waitFor('the dead letter', async () => (await world.deadLength()) === 1);
  });
});

describe('a worker that is told to stop', () => {
  const ways: [string, (worker: ReturnType<WorkerWorld['forkWorker']>) => void][] = [
    ['by SIGTERM', (worker) => worker.process.kill('SIGTERM')],
    ['by its supervisor', (worker) => worker.process.send({ type: 'stop' })],
    ['by the loss of its supervisor', (worker) => worker.process.disconnect()],
  ];
  it.each(ways)('finishes what it has in hand, acks it and leaves: %s', async (_, stop) => {
    await world.openSale('sale', 4_000);
    const worker = world.forkWorker({ FLASHGRID_PREFETCH: '8' });
    await worker.ready();
    for (let frame = 0; frame < 60; frame++) await world.publish('sale', newBuyers(50));
    stop(worker);
    expect(await worker.exited).toBe(0);
    const told = world.events.length;
    const heir = await world.startWorker();
    await world.settled();
    expect(await world.audit('sale', 4_000)).toHaveLength(3_000);
    await waitFor('the rest', () => heir.counters.frames === 60 - told);
    expect(heir.counters.repeatedFrames).toBe(0);
  });

  it('leaves in time although Postgres does not answer, and its frames go to another', async () => {
    await world.openSale('sale', 10);
    const worker = world.forkWorker({ FLASHGRID_STOP_TIMEOUT_MS: '500' });
    await worker.ready();
    const release = await world.holdTickets();
    await world.publish('sale', newBuyers(3));
    await waitFor('an insert that waits', async () => (await world.waitingInserts()).length > 0);
    worker.process.kill('SIGTERM');
    const startedMs = Date.now();
    await worker.exited;
    expect(Date.now() - startedMs).toBeLessThan(3_000);
    await release();
    await world.startWorker();
    await world.settled();
    expect(await world.audit('sale', 10)).toHaveLength(3);
  });
});

describe('a worker that can not start', () => {
  it('says which variable is wrong', async () => {
    const worker = world.forkWorker({ FLASHGRID_PREFETCH: 'many' });
    expect(await worker.exited).toBe(1);
    expect(worker.firstWord).toMatchObject({ type: 'failed', code: 'config.invalid' });
    expect(JSON.stringify(worker.firstWord)).toContain('FLASHGRID_PREFETCH');
  });

  it('says which engine it can not use', async () => {
    const worker = world.forkWorker({ FLASHGRID_POSTGRES_SCHEMA: 'no-such-schema' });
    expect(await worker.exited).toBe(1);
    expect(worker.firstWord).toMatchObject({ type: 'failed', code: 'worker.backendUnreachable' });
  });
});
