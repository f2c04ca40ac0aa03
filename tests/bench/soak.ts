/**
 * A steady load for minutes: nothing may grow. Prints memory of each process every tenth of the time, and judges the second half. Redis is judged by
 * what a reservation adds to it: records stay for 20 minutes by design, so within ten it can only rise.
 */
import { rssMb } from './processes.ts';
import { usedMemory, type Servers } from './scenarios.ts';
import type { Rig } from './rig.ts';

/** MB by which a process may differ between the middle and the end: heaps breathe. */
const TOLERANCE_MB = 25;
/** The broker's heap breathes more: its log is cut in steps. */
const BROKER_TOLERANCE_MB = 100;
/** Bytes that a reservation may add to Redis; a refusal costs 150 in a frame of its own (lua/decide-frame.lua). */
const REDIS_BYTES = 150;
const RATE = 8_000;
const SLICES = 10;

/** Gives 0 when nothing grew, 4 otherwise. */
export async function soak(rig: Rig, { gateway, worker }: Servers, seconds: number): Promise<number> {
  const rows: { gateway: number; worker: number; broker: number; redis: number }[] = [];
  const broker = rig.brokerPid();
  let accepted = 0;
  const sliceSec = Math.max(1, Math.round(seconds / SLICES));
  for (let slice = 1; slice <= SLICES; slice++) {
    const saleId = await rig.openSale(gateway, 500);
    const { load } = await rig.attack(gateway.url, saleId, {
      profile: 'sustained',
      ratePerSec: RATE,
      durationSec: sliceSec,
      connections: 200,
      stock: 500,
    });
    await rig.settled(saleId, load.accepted, 500);
    if (slice > SLICES / 2) accepted += load.accepted;
    const row = {
      gateway: rssMb(gateway.pid),
      worker: rssMb(worker.pid),
      broker: rssMb(broker),
      redis: (await usedMemory(rig)) / 1e6,
    };
    rows.push(row);
    console.log(
      `${slice * sliceSec} s: ${Math.round(load.rps)} req/s, p99 ${load.latencyMs.p99.toFixed(1)} ms, gateway ${row.gateway.toFixed(0)} MB, worker ${row.worker.toFixed(0)} MB, broker ${row.broker.toFixed(0)} MB, Redis ${row.redis.toFixed(1)} MB`,
    );
  }
  const [middle, end] = [rows[SLICES / 2 - 1], rows.at(-1)];
  if (!middle || !end) return 4;
  const grown = {
    gateway: end.gateway - middle.gateway,
    worker: end.worker - middle.worker,
    broker: end.broker - middle.broker,
  };
  const redisBytes = ((end.redis - middle.redis) * 1e6) / Math.max(1, accepted);
  const isFlat =
    grown.gateway <= TOLERANCE_MB &&
    grown.worker <= TOLERANCE_MB &&
    grown.broker <= BROKER_TOLERANCE_MB &&
    redisBytes <= REDIS_BYTES;
  console.log(
    `second half: gateway ${grown.gateway.toFixed(1)} MB, worker ${grown.worker.toFixed(1)} MB, broker ${grown.broker.toFixed(1)} MB, Redis ${redisBytes.toFixed(1)} bytes a reservation: ${isFlat ? 'flat' : 'GROWS'}`,
  );
  return isFlat ? 0 : 4;
}
