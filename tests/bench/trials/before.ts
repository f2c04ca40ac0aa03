/**
 * What one sale costs this build and an earlier one, in turn and on the same backends. Needs wrk.
 * `before.ts CHECKOUT [rounds]`: CHECKOUT holds the earlier source, and its `out`.
 */
import { join, resolve } from 'node:path';
import process from 'node:process';
import { manySales } from '../scenarios.ts';
import { runTrial, withRig } from './trial.ts';

const SECONDS = 4;
const CHECKOUTS = { before: process.argv[2] ?? '', now: '.' } as const;
type Build = keyof typeof CHECKOUTS;
type Flags = readonly string[];

await withRig(async (rig) => {
  const start = async (build: Build) => {
    const folder = resolve(CHECKOUTS[build]);
    const { SERVICE_NODE_FLAGS: flags } = (await import(join(folder, 'services/shared/node-flags.ts'))) as {
      SERVICE_NODE_FLAGS: Flags | Record<'gateway' | 'worker', Flags>;
    };
    const fork = (role: 'gateway' | 'worker') =>
      rig.fork(
        join(folder, `out/main/${role}.js`),
        // The messages of both may differ: each has a queue of its own.
        { FLASHGRID_NAMESPACE: build },
        'worker' in flags ? flags[role] : flags,
      );
    return { gateway: await fork('gateway'), worker: await fork('worker') };
  };
  const pipelines = { before: await start('before'), now: await start('now') };
  await runTrial<Build>({
    title: 'One sale at 200 connections of wrk, µs of CPU a request',
    variants: ['before', 'now'],
    rounds: Number(process.argv[3] ?? 10),
    compare: ['decided/s', 'gateway and worker'],
    async run(build) {
      const round = await manySales(rig, pipelines[build], 1, SECONDS);
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
