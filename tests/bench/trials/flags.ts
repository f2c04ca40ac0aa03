/** What the flags and the allocator's settings of services/shared/node-flags.ts cost in speed; `memory.ts` shows what they save. */
import { cpuMs, type BenchProcess } from '../processes.ts';
import { runTrial, withRig } from './trial.ts';

const REQUESTS = 40_000;

await withRig(async (rig) => {
  const worker = await rig.fork('out/main/worker.js');
  const gateways: Readonly<Record<string, BenchProcess>> = {
    'as Node comes': await rig.fork('out/main/gateway.js', {}, []),
    'semi-space of 2 MB': await rig.fork('out/main/gateway.js', {}, [
      '--heap-growing-percent=20',
      '--max-semi-space-size=2',
    ]),
    'semi-space of 4 MB': await rig.fork('out/main/gateway.js', {}, [
      '--heap-growing-percent=20',
      '--max-semi-space-size=4',
    ]),
  };
  await runTrial({
    title: 'POST /reserve at 200 connections, worker running',
    variants: Object.keys(gateways),
    rounds: 7,
    compare: 'gateway µs',
    async run(variant) {
      const gateway = gateways[variant];
      if (!gateway) throw new Error(`no gateway for ${variant}`);
      const saleId = await rig.openSale(gateway, 20);
      const before = { gateway: cpuMs(gateway.pid), worker: cpuMs(worker.pid) };
      const { load } = await rig.attack(gateway.url, saleId, {
        profile: 'burst',
        requests: REQUESTS,
        connections: 200,
        stock: 20,
      });
      await rig.settled(saleId, REQUESTS, 20);
      return {
        'requests/s': load.rps,
        'p99 ms': load.latencyMs.p99,
        'gateway µs': ((cpuMs(gateway.pid) - before.gateway) * 1_000) / REQUESTS,
      };
    },
  });
});
