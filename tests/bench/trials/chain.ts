/** Where the machine's time goes a request: each process of the chain, and what is left idle, under `wrk`. `chain.ts [rounds] [connections]`. */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { cpuMs } from '../processes.ts';
import { runWrk } from '../wrk.ts';
import { runTrial, withRig } from './trial.ts';

const SECONDS = 4;
const rounds = Number(process.argv[2] ?? 3);
const connections = Number(process.argv[3] ?? 200);
const VARIANTS: Readonly<Record<string, Record<string, string>>> = {
  'as it is': {},
  ...Object.fromEntries(
    process.argv
      .slice(4)
      .map((pairs) => [pairs, Object.fromEntries(pairs.split(',').map((pair) => pair.split('=')))]),
  ),
};

/** ms of all cores: busy, idle. */
function machineMs(): { busy: number; idle: number } {
  const fields = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '')
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  const idle = (fields[3] ?? 0) + (fields[4] ?? 0);
  return { idle: idle * 10, busy: (fields.reduce((sum, value) => sum + value, 0) - idle) * 10 };
}

/** A counter's value, or the sum of those of its labels. */
async function counter(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce(
    (sum, [, value]) => sum + Number(value),
    0,
  );
}

await withRig(async (rig) => {
  const worker = await rig.fork('out/main/worker.js');
  const gateways = new Map<string, Awaited<ReturnType<typeof rig.fork>>>();
  for (const [name, env] of Object.entries(VARIANTS))
    gateways.set(name, await rig.fork('tests/bench/trials/tuned-gateway.ts', env));
  await runTrial({
    title: `The chain at ${connections} connections, µs of CPU a request`,
    variants: Object.keys(VARIANTS),
    rounds,
    compare: 'requests/s',
    async run(variant) {
      const gateway = gateways.get(variant);
      if (gateway === undefined) throw new Error(variant);
      const saleId = await rig.openSale(gateway, 20);
      const used = () => [
        cpuMs(gateway.pid),
        cpuMs(worker.pid),
        cpuMs(rig.brokerPid()),
        rig.backendCpuMs('redis'),
        rig.backendCpuMs('postgres'),
      ];
      const framesBefore = await counter(gateway.url, 'flashgrid_gateway_frames_total');
      const before = used();
      const machineBefore = machineMs();
      const { rps, answered } = await runWrk(gateway.url, saleId, connections, SECONDS);
      const machine = machineMs();
      await rig.settled(saleId, answered, 20);
      const [g = 0, w = 0, b = 0, r = 0, p = 0] = used().map(
        (ms, at) => ((ms - (before[at] ?? 0)) * 1_000) / answered,
      );
      const busy = machine.busy - machineBefore.busy;
      const idle = machine.idle - machineBefore.idle;
      return {
        'requests/s': rps,
        'a frame': answered / ((await counter(gateway.url, 'flashgrid_gateway_frames_total')) - framesBefore),
        gateway: g,
        worker: w,
        broker: b,
        redis: r,
        postgres: p,
        'all, wrk too': (busy * 1_000) / answered,
        'idle %': (idle * 100) / (idle + busy),
      };
    },
  });
});
