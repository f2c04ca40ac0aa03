/** What several hot sales cost: the same requests spread over 1, 1,000 and 10,000 of them. Needs wrk. `sales.ts [rounds]` */
import process from 'node:process';
import { manySales } from '../scenarios.ts';
import { runTrial, withRig } from './trial.ts';

const SECONDS = 4;
const SALES = { '1 sale': 1, '1,000 sales': 1_000, '10,000 sales': 10_000 } as const;

await withRig(async (rig) => {
  const gateway = await rig.fork('out/main/gateway.js');
  const worker = await rig.fork('out/main/worker.js');
  await runTrial<keyof typeof SALES>({
    title: 'POST /reserve at 200 connections of wrk, spread evenly, µs of CPU a request',
    variants: ['1 sale', '1,000 sales', '10,000 sales'],
    rounds: Number(process.argv[2] ?? 3),
    compare: 'decided/s',
    async run(variant) {
      const sales = SALES[variant];
      const round = await manySales(rig, { gateway, worker }, sales, SECONDS);
      const of = (name: string) => round[`sales${sales}${name}`] ?? 0;
      return {
        'requests/s': of(''),
        'decided/s': of('EndToEnd'),
        'gateway µs': of('GatewayCpuUs'),
        'worker µs': of('WorkerCpuUs'),
        'broker µs': of('BrokerCpuUs'),
        'all open after ms': of('OpenMs'),
      };
    },
  });
});
