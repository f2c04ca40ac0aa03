/** The gateway against what sockets allow: nginx and a raw socket server of Node that answer without a look at the request. Needs wrk. */
import process from 'node:process';
import { cpuMs } from '../processes.ts';
import { hasNginx, startNginx } from '../nginx.ts';
import { runWrk } from '../wrk.ts';
import { runTrial, withRig } from './trial.ts';

const SECONDS = 4;
const rounds = Number(process.argv[2] ?? 5);

await withRig(async (rig) => {
  const raw = await rig.fork('services/baselines/raw-socket.ts');
  const nginx = hasNginx() ? await startNginx(rig) : undefined;
  const gateway = await rig.fork('out/main/gateway.js');
  const worker = await rig.fork('out/main/worker.js');
  for (const connections of [200, 1_000]) {
    await runTrial({
      title: `POST /reserve at ${connections} connections of wrk, worker running`,
      variants: ['raw node:net', ...(nginx === undefined ? [] : ['nginx']), 'gateway'],
      rounds,
      compare: 'requests/s',
      async run(variant) {
        if (variant !== 'gateway') {
          const before = cpuMs(raw.pid);
          const { rps, answered } = await runWrk(
            variant === 'nginx' ? (nginx ?? '') : raw.url,
            'bench',
            connections,
            SECONDS,
          );
          return {
            'requests/s': rps,
            'gateway µs': ((cpuMs(raw.pid) - before) * 1_000) / answered,
            'worker µs': 0,
            'broker µs': 0,
          };
        }
        const saleId = await rig.openSale(gateway, 20);
        const pids = [gateway.pid, worker.pid, rig.brokerPid()];
        const before = pids.map(cpuMs);
        const { rps, answered } = await runWrk(gateway.url, saleId, connections, SECONDS);
        await rig.settled(saleId, answered, 20);
        const [g = 0, w = 0, b = 0] = pids.map(
          (pid, at) => ((cpuMs(pid) - (before[at] ?? 0)) * 1_000) / answered,
        );
        return { 'requests/s': rps, 'gateway µs': g, 'worker µs': w, 'broker µs': b };
      },
    });
  }
});
