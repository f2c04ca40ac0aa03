/** What the fast path is worth: the same gateway, asked so that the fast path answers, and asked so that it hands the connection to Fastify. Needs wrk. */
import { cpuMs } from '../processes.ts';
import { runWrk } from '../wrk.ts';
import { runTrial, withRig } from './trial.ts';

const SECONDS = 4;
/** A query makes it another request line than the fast path reads; the route is the same. */
const PATHS: Readonly<Record<string, string>> = { 'by the fast path': '/reserve', 'by Fastify': '/reserve?' };

await withRig(async (rig) => {
  const gateway = await rig.fork('out/main/gateway.js');
  const worker = await rig.fork('out/main/worker.js');
  await runTrial({
    title: 'POST /reserve at 200 connections of wrk, worker running, µs of CPU a request',
    variants: Object.keys(PATHS),
    rounds: 5,
    compare: 'requests/s',
    async run(variant) {
      const saleId = await rig.openSale(gateway, 20);
      const before = [gateway, worker].map(({ pid }) => cpuMs(pid));
      const { rps, answered } = await runWrk(gateway.url, saleId, 200, SECONDS, PATHS[variant]);
      await rig.settled(saleId, answered, 20);
      const used = [gateway, worker].map(
        ({ pid }, at) => ((cpuMs(pid) - (before[at] ?? 0)) * 1_000) / answered,
      );
      return { 'requests/s': rps, 'gateway µs': used[0] ?? 0, 'worker µs': used[1] ?? 0 };
    },
  });
});
