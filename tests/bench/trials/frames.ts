/** Frames in flight, the longest frame and a linger: what each does to the gateway's rate, and to the CPU time of everybody behind it. */
import { cpuMs, type BenchProcess } from '../processes.ts';
import { runTrial, withRig } from './trial.ts';

const REQUESTS = 20_000;
const VARIANTS: Readonly<Record<string, Record<string, string>>> = {
  '2 in flight': {},
  '1 in flight': { TRIAL_FLIGHTS: '1' },
  '4 in flight': { TRIAL_FLIGHTS: '4' },
  'no bound': { TRIAL_FLIGHTS: 'Infinity' },
  '2 in flight, frames of 64 at the most': { FLASHGRID_MAX_FRAME: '64' },
  '2 in flight, no gap': { TRIAL_GAP_MS: '0' },
  '2 in flight, linger 2 ms': { TRIAL_LINGER_MS: '2' },
};

await withRig(async (rig) => {
  const worker = await rig.fork('out/main/worker.js');
  const broker = rig.brokerPid();
  const gateways = new Map<string, BenchProcess>();
  for (const [variant, env] of Object.entries(VARIANTS))
    gateways.set(variant, await rig.fork('tests/bench/trials/tuned-gateway.ts', env));
  await runTrial({
    title: 'POST /reserve at 200 connections, worker running, µs of CPU a request',
    variants: Object.keys(VARIANTS),
    rounds: 5,
    compare: 'requests/s',
    async run(variant) {
      const gateway = gateways.get(variant);
      if (!gateway) throw new Error(`no gateway for ${variant}`);
      const saleId = await rig.openSale(gateway, 20);
      const pids = { gateway: gateway.pid, worker: worker.pid, broker };
      const before = Object.values(pids).map(cpuMs);
      const { load } = await rig.attack(gateway.url, saleId, {
        profile: 'burst',
        requests: REQUESTS,
        connections: 200,
        stock: 20,
      });
      await rig.settled(saleId, REQUESTS, 20);
      const used = Object.values(pids).map(
        (pid, at) => ((cpuMs(pid) - (before[at] ?? 0)) * 1_000) / REQUESTS,
      );
      return {
        'requests/s': load.rps,
        'p99 ms': load.latencyMs.p99,
        'gateway µs': used[0] ?? 0,
        'worker µs': used[1] ?? 0,
        'broker µs': used[2] ?? 0,
      };
    },
  });
});
