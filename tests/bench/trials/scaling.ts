/**
 * More gateways and workers. First, what a request costs each part when there are more of them. Then their rate while each may use only a
 * small share of a core: so a few show what many cores would, as long as the machine has room for the rest. Needs root, for the shares.
 */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { prefill } from '../prefill.ts';
import { cpuMs, type BenchProcess } from '../processes.ts';
import { NAMESPACE, type Rig } from '../rig.ts';
import { runTrial, withRig, type Figures } from './trial.ts';

const rounds = Number(process.argv[2] ?? 3);
const REQUESTS = 20_000;
const COUNTS = { refusals: 120_000, grants: 30_000 } as const;
const FRAME_SIZE = 128;
/** Of one core. A shorter period lets a gateway answer before its connections run out. */
const SHARE = { quotaUs: 1_000, periodUs: 20_000 };
const sharePercent = (100 * SHARE.quotaUs) / SHARE.periodUs;

const howMany = (variant: string) => Number(variant.split(' ')[0]);

/** Lets a process use no more than its share of one core, until it ends. */
function limit(rig: Rig, { pid }: BenchProcess): void {
  const isV2 = existsSync('/sys/fs/cgroup/cgroup.controllers');
  const folder = `/sys/fs/cgroup/${isV2 ? '' : 'cpu/'}flashgrid-bench-${pid}`;
  mkdirSync(folder);
  rig.undo.add(folder, () => rmdirSync(folder));
  if (isV2) writeFileSync(`${folder}/cpu.max`, `${SHARE.quotaUs} ${SHARE.periodUs}`);
  else {
    writeFileSync(`${folder}/cpu.cfs_period_us`, String(SHARE.periodUs));
    writeFileSync(`${folder}/cpu.cfs_quota_us`, String(SHARE.quotaUs));
  }
  writeFileSync(`${folder}/cgroup.procs`, String(pid));
}

async function fork(rig: Rig, role: 'gateway' | 'worker', count: number): Promise<BenchProcess[]> {
  return await Promise.all(Array.from({ length: count }, () => rig.fork(`out/main/${role}.js`)));
}

/** Messages that gateways have sent since they started. */
async function framesOf(gateways: readonly BenchProcess[]): Promise<number> {
  const texts = await Promise.all(gateways.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()));
  return texts.reduce(
    (sum, text) => sum + Number(/^flashgrid_gateway_frame_reservations_count (\d+)/m.exec(text)?.[1]),
    0,
  );
}

/** µs of CPU that each part used for one of `count` reservations. */
async function costs(
  rig: Rig,
  services: Readonly<Record<string, readonly BenchProcess[]>>,
  count: number,
  work: () => Promise<Figures>,
): Promise<Figures> {
  const read = (): [string, number][] => [
    ...Object.entries(services).map(([name, all]): [string, number] => [
      name,
      all.reduce((sum, { pid }) => sum + cpuMs(pid), 0),
    ]),
    ['broker', cpuMs(rig.brokerPid())],
    ['Redis', rig.backendCpuMs('redis')],
    ['Postgres', rig.backendCpuMs('postgres')],
  ];
  const before = read();
  const figures = await work();
  const used = read().map(([name, ms], at) => [
    `${name} µs`,
    ((ms - (before[at]?.[1] ?? 0)) * 1_000) / count,
  ]);
  return { ...figures, ...Object.fromEntries(used) };
}

/** An attack on gateways, decided by workers: requests a second, and what each part used. */
async function attack(
  rig: Rig,
  gateways: readonly BenchProcess[],
  workers: readonly BenchProcess[],
  stock: number,
  connections = 200,
): Promise<Figures> {
  const [first] = gateways;
  if (!first) throw new Error('no gateway');
  const saleId = await rig.openSale(first, stock);
  const framesBefore = await framesOf(gateways);
  return await costs(rig, { gateways, workers }, REQUESTS, async () => {
    const { load } = await rig.attack(
      gateways.map(({ url }) => url),
      saleId,
      { profile: 'burst', requests: REQUESTS, connections, stock },
    );
    await rig.settled(saleId, REQUESTS, Math.min(stock, REQUESTS));
    return {
      'requests/s': load.rps,
      'requests a message': REQUESTS / ((await framesOf(gateways)) - framesBefore),
    };
  });
}

async function stopAll(services: readonly BenchProcess[]): Promise<void> {
  await Promise.all(services.map((one) => one.stop()));
}

await withRig(async (rig) => {
  // The same processes in every variant: one that has just started is several times slower.
  const gateways = await fork(rig, 'gateway', 4);
  const workers = await fork(rig, 'worker', 1);
  const trial = (title: string, stock: number) =>
    runTrial({
      title: `${title}, ${REQUESTS} requests at 200 connections, one worker`,
      variants: ['1 gateway', '2 gateways', '4 gateways'],
      rounds,
      compare: 'requests/s',
      run: (variant) => attack(rig, gateways.slice(0, howMany(variant)), workers, stock),
    });
  await trial('Sold out', 20);
  await trial('Everyone wins', REQUESTS);
  for (const gateway of gateways) limit(rig, gateway);
  await runTrial({
    title: `Sold out, 200 connections a gateway, which may use ${sharePercent} % of a core`,
    variants: ['1 gateway', '2 gateways', '4 gateways'],
    rounds,
    compare: 'requests/s',
    run: (variant) => {
      const some = gateways.slice(0, howMany(variant));
      return attack(rig, some, workers, 20, 200 * some.length);
    },
  });
  await stopAll([...gateways, ...workers]);

  const [opener] = await fork(rig, 'gateway', 1);
  if (!opener) throw new Error('no gateway');
  for (const kind of ['refusals', 'grants'] as const)
    await runTrial({
      title: `Workers that may use ${sharePercent} % of a core each, ${COUNTS[kind]} ${kind} in frames of ${FRAME_SIZE}`,
      variants: ['1 worker', '2 workers', '4 workers'],
      rounds,
      compare: 'decided/s',
      async run(variant) {
        const count = COUNTS[kind];
        const stock = kind === 'grants' ? count : 20;
        const saleId = await rig.openSale(opener, stock);
        const limited = await fork(rig, 'worker', howMany(variant));
        for (const worker of limited) limit(rig, worker);
        const figures = await costs(rig, { workers: limited }, count, async () => {
          const startedAtMs = Date.now();
          await prefill(rig.endpoints.amqpUrl, NAMESPACE, saleId, count, FRAME_SIZE);
          const { committedAtMs } = await rig.settled(saleId, count, stock);
          return { 'decided/s': (count * 1_000) / (committedAtMs - startedAtMs) };
        });
        await stopAll(limited);
        return figures;
      },
    });
});
