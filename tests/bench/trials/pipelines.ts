/**
 * What one sale costs two pipelines, in turn and on the same backends. Needs wrk.
 * `pipelines.ts before CHECKOUT [rounds]`: this build against an earlier one, whose source and `out` CHECKOUT holds.
 * `pipelines.ts traces [rounds]`: with traces of one reservation in so many, and without; a second one without shows how far
 * two of a kind differ.
 */
import { join, resolve } from 'node:path';
import process from 'node:process';
import { manySales, startTraceSink } from '../scenarios.ts';
import { runTrial, withRig } from './trial.ts';

const SECONDS = 4;
const [what, ...args] = process.argv.slice(2);
const checkout = what === 'before' ? resolve(args.shift() ?? '') : '.';
const names = what === 'before' ? ['before', 'now'] : ['untraced', 'untraced-2', '1000000', '1000', '100'];
type Flags = readonly string[];

await withRig(async (rig) => {
  const start = async (name: string) => {
    const folder = resolve(name === 'before' ? checkout : '.');
    const { SERVICE_NODE_FLAGS: flags } = (await import(join(folder, 'services/shared/node-flags.ts'))) as {
      SERVICE_NODE_FLAGS: Flags | Record<'gateway' | 'worker', Flags>;
    };
    const env = {
      // The messages of both may differ: each has a queue of its own.
      FLASHGRID_NAMESPACE: name,
      ...(Number(name) > 0
        ? { OTEL_EXPORTER_OTLP_ENDPOINT: await startTraceSink(rig), FLASHGRID_TRACE_EVERY: name }
        : {}),
    };
    const fork = (role: 'gateway' | 'worker') =>
      rig.fork(join(folder, `out/main/${role}.js`), env, 'worker' in flags ? flags[role] : flags);
    return { gateway: await fork('gateway'), worker: await fork('worker') };
  };
  const pipelines = new Map<string, Awaited<ReturnType<typeof start>>>();
  for (const name of names) pipelines.set(name, await start(name));
  await runTrial({
    title: 'One sale at 200 connections of wrk, µs of CPU a request',
    variants: names,
    rounds: Number(args[0] ?? 10),
    compare: ['decided/s', 'gateway and worker'],
    async run(name) {
      const pipeline = pipelines.get(name);
      if (!pipeline) throw new Error(name);
      const round = await manySales(rig, pipeline, 1, SECONDS);
      const of = (figure: string) => round[`sales1${figure}`] ?? 0;
      return {
        'requests/s': of(''),
        'decided/s': of('EndToEnd'),
        gateway: of('GatewayCpuUs'),
        worker: of('WorkerCpuUs'),
        broker: of('BrokerCpuUs'),
        'gateway and worker': of('GatewayCpuUs') + of('WorkerCpuUs'),
      };
    },
  });
});
