/** What open sales cost that nobody buys from: ms of CPU a second, and MB of memory. `idle-sales.ts [sales]` */
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuMs, watchMemory } from '../processes.ts';
import { usedMemory } from '../scenarios.ts';
import { withRig } from './trial.ts';

const SECONDS = 30;
const count = Number(process.argv[2] ?? 10_000);

await withRig(async (rig) => {
  const gateway = await rig.fork('out/main/gateway.js');
  const worker = await rig.fork('out/main/worker.js');
  const pids = { gateway: gateway.pid, worker: worker.pid, broker: rig.brokerPid() };
  const used = () => ({
    ...Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuMs(pid)])),
    redis: rig.backendCpuMs('redis'),
    postgres: rig.backendCpuMs('postgres'),
  });
  const look = async () => {
    // What the start or the opening left to do is over.
    await sleep(5_000);
    const before: Record<string, number> = used();
    const endWatch = watchMemory(pids);
    await sleep(SECONDS * 1_000);
    const memory = endWatch();
    const cpu = Object.entries(used()).map(([name, ms]) => [name, (ms - (before[name] ?? 0)) / SECONDS]);
    return {
      ...Object.fromEntries(cpu),
      'gateway MB': memory['gateway'],
      'worker MB': memory['worker'],
      'redis MB': (await usedMemory(rig)) / 1e6,
    };
  };
  const none = await look();
  const { tookMs } = await rig.openSales(count, 1);
  console.log(`ms of CPU a second over ${SECONDS} s; ${count} sales open after ${Math.round(tookMs)} ms`);
  console.table({ 'no sale': none, [`${count} sales`]: await look() });
});
