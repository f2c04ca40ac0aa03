/**
 * Latency at a rate that nobody's answers slow down, from when each request was due; beside it a server that answers without a look
 * at the request: what generator and machine add. `open-rate.ts [requests/s] [seconds] [rounds]`
 */
import process from 'node:process';
import { runTrial, withRig } from './trial.ts';

const ratePerSec = Number(process.argv[2] ?? 9_000);
const durationSec = Number(process.argv[3] ?? 20);

await withRig(async (rig) => {
  await rig.fork('out/main/worker.js');
  const servers = {
    'raw node:net': await rig.fork('services/baselines/raw-socket.ts'),
    gateway: await rig.fork('out/main/gateway.js'),
  };
  await runTrial<keyof typeof servers>({
    title: `${ratePerSec} requests/s for ${durationSec} s, ms`,
    variants: ['raw node:net', 'gateway'],
    rounds: Number(process.argv[4] ?? 3),
    compare: 'p99',
    async run(name) {
      const saleId = await rig.openSale(servers.gateway, 20);
      const { load } = await rig.attack(servers[name].url, saleId, {
        profile: 'sustained',
        ratePerSec,
        durationSec,
        stock: 20,
      });
      if (name === 'gateway') await rig.settled(saleId, load.accepted, 20);
      const { p50, p90, p99, p999, max } = load.latencyMs;
      return { p50, p90, p99, 'p99.9': p999, max };
    },
  });
});
