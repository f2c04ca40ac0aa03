/** What traces of one reservation in a thousand cost, in % of the pipeline's CPU. `traces.ts [rounds]` */
import process from 'node:process';
import { FULL, startTraceSink, traced } from '../scenarios.ts';
import { runTrial, withRig } from './trial.ts';

await withRig(async (rig) => {
  const sink = await startTraceSink(rig);
  const servers = { worker: await rig.fork('out/main/worker.js') };
  await runTrial({
    title: 'Traces of one reservation in 1,000',
    variants: ['% of the CPU of gateway, worker, broker and Redis'],
    rounds: Number(process.argv[2] ?? 3),
    compare: 'tracesShare',
    run: () => traced(rig, servers, FULL.requests, sink),
  });
});
