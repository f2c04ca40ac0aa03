/**
 * Latency at a rate that nobody's answers slow down, from when each request was due, and the share of a core that gateway, worker,
 * broker and Redis take together. Beside it a gateway that keeps no gap between its messages, and a server that answers without a look
 * at the request: what generator and machine add. `open-rate.ts [requests/s] [seconds] [rounds]`
 */
import process from 'node:process';
import { SERVICE_NODE_FLAGS } from '../../../services/shared/node-flags.ts';
import { cpuMs } from '../processes.ts';
import { runTrial, withRig } from './trial.ts';

const ratePerSec = Number(process.argv[2] ?? 9_000);
const durationSec = Number(process.argv[3] ?? 20);

await withRig(async (rig) => {
  const worker = await rig.fork('out/main/worker.js');
  const tuned = (env: Record<string, string>) =>
    rig.fork('tests/bench/trials/tuned-gateway.ts', env, SERVICE_NODE_FLAGS.gateway);
  const servers = {
    'raw node:net': await rig.fork('services/baselines/raw-socket.ts'),
    gateway: await tuned({}),
    'gateway, no gap': await tuned({ TRIAL_GAP_MS: '0' }),
  };
  await runTrial<keyof typeof servers>({
    title: `${ratePerSec} requests/s for ${durationSec} s, ms`,
    variants: ['raw node:net', 'gateway, no gap', 'gateway'],
    rounds: Number(process.argv[4] ?? 3),
    compare: 'p99',
    async run(name) {
      const server = servers[name];
      const saleId = await rig.openSale(servers.gateway, 20);
      const usedMs = () =>
        cpuMs(server.pid) + cpuMs(worker.pid) + rig.backendCpuMs('rabbitmq') + rig.backendCpuMs('redis');
      const beforeMs = usedMs();
      const { load } = await rig.attack(server.url, saleId, {
        profile: 'sustained',
        ratePerSec,
        durationSec,
        stock: 20,
      });
      if (name !== 'raw node:net') await rig.settled(saleId, load.accepted, 20);
      const { p50, p90, p99, p999, max } = load.latencyMs;
      return { p50, p90, p99, 'p99.9': p999, max, '% of a core': (usedMs() - beforeMs) / durationSec / 10 };
    },
  });
});
