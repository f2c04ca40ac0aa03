/**
 * `npm run bench -- replication`: what it costs that frames are stored by three brokers and tickets by two Postgres. Gateway and
 * worker of each combination run beside each other, on one Redis, and are attacked in turn. About four minutes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createNativeCluster } from '../../control/cluster/native/native-cluster.ts';
import type { Endpoints } from '../../control/cluster/cluster.ts';
import { applyMigrations } from '../../services/shared/migrations.ts';
import { createPool } from '../../services/shared/postgres.ts';
import { SaleStore } from '../../services/shared/sale-store.ts';
import type { Rig } from './rig.ts';
import { runTrial, withRig } from './trials/trial.ts';

const ROUNDS = 5;
const REQUESTS = 15_000;
const WINNERS = 8_000;
/** Requests a second of the run whose latency is told: well under what any of them reaches. */
const RATE = 2_000;
const RATE_SEC = 3;
const SETTLE_LIMIT_MS = 60_000;

await withRig(async (rig) => {
  const replicated = await startReplicated(rig);
  const alone = rig.endpoints;
  const places = {
    '1 broker, no standby': alone,
    '3 brokers, no standby': { ...alone, amqpUrl: replicated.amqpUrl },
    '1 broker, standby': { ...alone, postgresUrl: replicated.postgresUrl },
    '3 brokers, standby': { ...replicated, redisUrl: alone.redisUrl },
  };
  const variants = new Map<string, Awaited<ReturnType<typeof variantAt>>>();
  for (const [name, endpoints] of Object.entries(places))
    variants.set(name, await variantAt(rig, `bench-${variants.size}`, endpoints));
  await runTrial({
    title: 'Price of replication, all on one machine',
    variants: [...variants.keys()],
    rounds: ROUNDS,
    compare: 'requests/s',
    async run(name) {
      const variant = variants.get(name);
      if (!variant) throw new Error(`${name} is no variant`);
      const burst = await variant.attack(20, { profile: 'burst', requests: REQUESTS });
      const wins = await variant.attack(WINNERS, { profile: 'burst', requests: WINNERS });
      const steady = await variant.attack(20, {
        profile: 'sustained',
        ratePerSec: RATE,
        durationSec: RATE_SEC,
      });
      return {
        'requests/s': burst.load.rps,
        'p99 ms at 200 connections': burst.load.latencyMs.p99,
        'tickets/s': (WINNERS * 1_000) / wins.committedMs,
        [`p99 ms at ${RATE.toLocaleString('en')}/s`]: steady.load.latencyMs.p99,
      };
    },
  });
});

/** The backends of a highly available cluster, beside the rig's own. */
async function startReplicated(rig: Rig): Promise<Endpoints> {
  const dataDir = mkdtempSync(join(tmpdir(), 'fg-bench-ha-'));
  rig.undo.add('data folder of the members', () => rmSync(dataDir, { recursive: true, force: true }));
  const cluster = createNativeCluster({
    dataDir,
    highlyAvailable: true,
    events: { onStep: () => undefined, onBackend: () => undefined, onLog: () => undefined },
  });
  rig.undo.add('members', () => cluster.reset(), 90_000);
  const endpoints = await cluster.start(new AbortController().signal);
  await applyMigrations({ url: endpoints.postgresUrl, schema: 'public' });
  return endpoints;
}

/** A gateway and a worker of their own on these backends. */
async function variantAt(rig: Rig, namespace: string, { amqpUrl, postgresUrl }: Endpoints) {
  const env = {
    FLASHGRID_NAMESPACE: namespace,
    FLASHGRID_AMQP_URL: amqpUrl,
    FLASHGRID_POSTGRES_URL: postgresUrl,
  };
  const gateway = await rig.fork('out/main/gateway.js', env);
  await rig.fork('out/main/worker.js', env);
  const store = new SaleStore(rig.redis, namespace);
  const pool = createPool({ url: postgresUrl, schema: 'public', max: 1, name: namespace });
  rig.undo.add(`pool of ${namespace}`, () => pool.end());
  const committed = async (saleId: string) =>
    (
      await pool.query<{ count: number }>('SELECT count(*)::int AS count FROM tickets WHERE sale_id = $1', [
        saleId,
      ])
    ).rows[0]?.count ?? 0;
  return {
    /** One attack, and ms from its first request until all of its tickets were in Postgres. */
    async attack(stock: number, settings: Parameters<Rig['attack']>[2]) {
      const saleId = await rig.openSale(gateway, stock);
      const { load, startedAtMs } = await rig.attack(gateway.url, saleId, {
        ...settings,
        connections: 200,
        stock,
      });
      if (load.accepted < load.sent) throw new Error(`only ${load.accepted} of ${load.sent} were accepted`);
      const deadlineMs = Date.now() + SETTLE_LIMIT_MS;
      const isSettled = async () =>
        (await committed(saleId)) >= stock &&
        ((await store.readSale(saleId))?.counters.decided ?? 0) >= load.accepted;
      while (!(await isSettled())) {
        if (Date.now() > deadlineMs)
          throw new Error(`${saleId} was not settled within ${SETTLE_LIMIT_MS} ms`);
        await sleep(10);
      }
      return { load, committedMs: Date.now() - startedAtMs };
    },
  };
}
