/** One gateway, two of them, and node:cluster with two: at 200 connections on this machine's cores. */
import { cpuMs } from '../processes.ts';
import { runTrial, withRig } from './trial.ts';

const REQUESTS = 30_000;

await withRig(async (rig) => {
  const worker = await rig.fork('out/main/worker.js');
  const first = await rig.fork('out/main/gateway.js');
  const second = await rig.fork('out/main/gateway.js');
  const clustered = await rig.fork('tests/bench/trials/clustered-gateway.ts');
  const targets: Readonly<Record<string, readonly string[]>> = {
    'one gateway': [first.url],
    'two gateways': [first.url, second.url],
    'node:cluster, two': [clustered.url],
  };
  const broker = rig.brokerPid();
  await runTrial({
    title: 'POST /reserve at 200 connections, worker running',
    variants: Object.keys(targets),
    rounds: 5,
    compare: 'requests/s',
    async run(variant) {
      const saleId = await rig.openSale(first, 20);
      const before = { worker: cpuMs(worker.pid), broker: cpuMs(broker) };
      const { load } = await rig.attack(targets[variant] ?? [], saleId, {
        profile: 'burst',
        requests: REQUESTS,
        connections: 200,
        stock: 20,
      });
      await rig.settled(saleId, REQUESTS, 20);
      return {
        'requests/s': load.rps,
        'p99 ms': load.latencyMs.p99,
        'worker µs': ((cpuMs(worker.pid) - before.worker) * 1_000) / REQUESTS,
        'broker µs': ((cpuMs(broker) - before.broker) * 1_000) / REQUESTS,
      };
    },
  });
});
