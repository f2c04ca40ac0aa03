/** Peaks of resident memory: 10,000 connections opened at once, three times over on one process; then a worker that drains a million. */
import { watchMemory, type BenchProcess } from '../processes.ts';
import type { Rig } from '../rig.ts';
import { workerAlone } from '../scenarios.ts';
import { withRig } from './trial.ts';

const CONNECTIONS = 10_000;
const TIMES = 3;
const MILLION = 1_000_000;

async function stampedes(rig: Rig, server: BenchProcess, openSale: () => Promise<string>): Promise<string> {
  const cells: string[] = [];
  for (let time = 0; time < TIMES; time++) {
    const saleId = await openSale();
    const endWatch = watchMemory({ server: server.pid });
    const { load } = await rig.attack(server.url, saleId, {
      profile: 'burst',
      requests: CONNECTIONS,
      connections: CONNECTIONS,
      stock: 20,
    });
    cells.push(`${(endWatch()['server'] ?? 0).toFixed(0)} MB, ${load.accepted} answered`);
  }
  return cells.join(' | ');
}

await withRig(async (rig) => {
  const bare = await rig.fork('services/baselines/bare.ts');
  const gateway = await rig.fork('out/main/gateway.js');
  const plain = await rig.fork('out/main/gateway.js', {}, []);
  const worker = await rig.fork('out/main/worker.js');
  console.log('\n| process | first time | second | third |\n|---|---|---|---|');
  console.log(`| bare route, as Node comes | ${await stampedes(rig, bare, () => Promise.resolve('bare'))} |`);
  console.log(
    `| gateway, without the flags | ${await stampedes(rig, plain, () => rig.openSale(plain, 20))} |`,
  );
  console.log(`| gateway | ${await stampedes(rig, gateway, () => rig.openSale(gateway, 20))} |`);
  const servers = { gateway, worker };
  for (const [name, stock] of [
    ['refusals', 20],
    ['grants', MILLION],
  ] as const) {
    const round = await workerAlone(rig, servers, MILLION, stock, name);
    console.log(
      `worker, a million ${name}: peak ${(round[`${name}WorkerMb`] ?? 0).toFixed(0)} MB, ${Math.round(round[name] ?? 0)} /s`,
    );
  }
});
