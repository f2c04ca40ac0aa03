/**
 * The worker's prefetch, draining a queue that was filled before. A worker starts on each frame as it comes, and its Redis client writes
 * all calls without waiting for answers: so a prefetch of 1 is also the trial without pipelining of frames.
 */
import { cpuMs } from '../processes.ts';
import { prefill } from '../prefill.ts';
import { NAMESPACE } from '../rig.ts';
import { runTrial, withRig } from './trial.ts';

const COUNTS = { refusals: 100_000, grants: 30_000 } as const;
const FRAME_SIZE = 128;
const WINNERS = 20;

await withRig(async (rig) => {
  const gateway = await rig.fork('out/main/gateway.js');
  for (const kind of ['refusals', 'grants'] as const) {
    const count = COUNTS[kind];
    const stock = kind === 'grants' ? count : WINNERS;
    await runTrial({
      title: `Drain of ${count} ${kind} in frames of ${FRAME_SIZE}`,
      variants: ['32', '1', '8', '128'].map((prefetch) => `prefetch ${prefetch}`),
      rounds: 3,
      compare: 'decided/s',
      async run(variant) {
        const saleId = await rig.openSale(gateway, stock);
        await prefill(rig.endpoints.amqpUrl, NAMESPACE, saleId, count, FRAME_SIZE);
        const worker = await rig.fork('out/main/worker.js', {
          FLASHGRID_PREFETCH: variant.replace('prefetch ', ''),
        });
        let begun = 0;
        while ((begun = await rig.decided(saleId)) === 0) await new Promise((done) => setTimeout(done, 2));
        const startedAtMs = Date.now();
        const { committedAtMs } = await rig.settled(saleId, count, stock);
        const used = cpuMs(worker.pid);
        await worker.stop();
        return {
          'decided/s': ((count - begun) * 1_000) / Math.max(1, committedAtMs - startedAtMs),
          'worker µs, its start included': (used * 1_000) / count,
        };
      },
    });
  }
});
