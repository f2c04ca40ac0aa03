/**
 * `npm run bench`: one command, one run, everything paired and interleaved; medians and spreads on the terminal and in bench.json.
 * `--guard` is CI's: a short run that fails when gateway/ceiling falls under the floor. A ratio, never a time.
 */
import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { hasNginx, startNginx } from './nginx.ts';
import { Rig } from './rig.ts';
import {
  FULL,
  QUICK,
  ceiling,
  engine,
  manySales,
  oneEach,
  openRate,
  stampede,
  startTraceSink,
  traced,
  watched,
  workerAlone,
  wrkAnchors,
  type Round,
  type Servers,
} from './scenarios.ts';
import { spread, type Spread } from './stats.ts';
import { TARGETS, formatTable, summarise, type Machine } from './summary.ts';
import { soak } from './soak.ts';
import { hasWrk } from './wrk.ts';

/** CI fails under this share of the bare route. A ratio, since the machine's own speed is another's business. */
const GUARD_FLOOR = 0.6;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    json: { type: 'string', default: 'bench.json' },
    guard: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    soak: { type: 'string' },
  },
});

// A run of its own, which ends this process.
if (positionals.includes('replication')) await import('./replication.ts');

const rig = new Rig();
rig.endWithProcess();
try {
  process.exitCode = await main();
} finally {
  await rig.undo.release();
}
process.exit();

async function main(): Promise<number> {
  await rig.start(!values.guard);
  const bare = await rig.fork('services/baselines/bare.ts');
  const raw = await rig.fork('services/baselines/raw-socket.ts');
  const nginx = hasNginx() ? await startNginx(rig) : undefined;
  const gateway = await rig.fork('out/main/gateway.js');
  const worker = await rig.fork('out/main/worker.js');
  const servers: Servers = { bare, raw, nginx, gateway, worker };
  const startMs = { gateway: gateway.startMs, worker: worker.startMs };
  if (values.soak) return await soak(rig, servers, Number(values.soak));
  await warmUp(servers);
  if (values.guard) return await guard(servers);
  const rounds = await measure(servers, Number(values.rounds));
  const summary = summarise(rounds, { ...rig.startTimes, ...startMs });
  console.log(formatTable(summary, machine()));
  await writeFile(
    values.json,
    `${JSON.stringify({ schema: 'flashgrid.bench/1', at: new Date().toISOString(), machine: machine(), targets: TARGETS, summary, rounds }, null, 2)}\n`,
  );
  console.log(`Written: ${values.json}`);
  return 0;
}

/** The first runs compile code and open connections: they count for nobody. */
async function warmUp(servers: Servers): Promise<void> {
  await ceiling(rig, servers, 20_000, 200, '');
  await engine(rig, servers, 20_000, 200, 20, '');
  await engine(rig, servers, 5_000, 200, 5_000, '');
}

async function measure(servers: Servers, count: number): Promise<Round[]> {
  const sizes = values.quick ? QUICK : FULL;
  const oneEachGateway = await rig.fork('services/baselines/one-each-gateway.ts');
  const oneEachWorker = await rig.fork('services/baselines/one-each-worker.ts');
  const withWrk = hasWrk();
  if (!withWrk) console.log('wrk is not installed: its figures are left out.');
  const sink = await startTraceSink(rig);
  const rounds: Round[] = [];
  for (let number = 1; number <= count; number++) {
    const round: Round = {};
    const add = async (title: string, work: Promise<Round>) => {
      Object.assign(round, await work);
      if (process.stdout.isTTY) process.stdout.write(`\r\u001b[2Kround ${number}/${count}: ${title}`);
    };
    await add('ceiling', ceiling(rig, servers, sizes.requests, 200, ''));
    await add('gateway', engine(rig, servers, sizes.requests, 200, 20, ''));
    await add('open rate', openRate(rig, servers, (round['gateway'] ?? 0) / 2));
    await add('everyone wins', engine(rig, servers, sizes.grants, 200, sizes.grants, 'Wins'));
    await add('ceiling, 1,000 connections', ceiling(rig, servers, sizes.requestsAt1000, 1_000, 'At1000'));
    await add('gateway, 1,000 connections', engine(rig, servers, sizes.requestsAt1000, 1_000, 20, 'At1000'));
    await add('ceiling, 10,000 x 20', ceiling(rig, servers, 10_000, 1_000, 'Poster'));
    await add('10,000 x 20', engine(rig, servers, 10_000, 1_000, 20, 'Poster'));
    await add('one message each', oneEach(rig, oneEachGateway, sizes.oneEachRequests, number));
    await add('dashboards and telemetry', watched(rig, servers, sizes.requests, number));
    await add('traces', traced(rig, servers, sizes.requests, sink));
    if (withWrk) {
      for (const connections of [200, 1_000])
        await add(`wrk, ${connections} connections`, wrkAnchors(rig, servers, connections, sizes.wrkSeconds));
      for (const sales of [1, 1_000, 10_000])
        await add(`${sales} sales`, manySales(rig, servers, sales, sizes.wrkSeconds));
    }
    await add('worker: refusals', workerAlone(rig, servers, sizes.refusalsInQueue, 20, 'refusals'));
    await add(
      'worker: grants',
      workerAlone(rig, servers, sizes.grantsInQueue, sizes.grantsInQueue, 'grants'),
    );
    await add('10,000 connections', stampede(rig, servers, 10_000));
    rounds.push(round);
    if (process.stdout.isTTY) process.stdout.write('\r\u001b[2K');
    console.log(
      `round ${number}/${count}: ceiling ${Math.round(round['ceiling'] ?? 0)}, gateway ${Math.round(round['gateway'] ?? 0)}, end to end ${Math.round(round['endToEnd'] ?? 0)} /s`,
    );
  }
  await oneEachGateway.stop();
  await oneEachWorker.stop();
  return rounds;
}

async function guard(servers: Servers): Promise<number> {
  const ratios: number[] = [];
  for (let number = 0; number < 3; number++) {
    const round = {
      ...(await ceiling(rig, servers, QUICK.requests, 200, '')),
      ...(await engine(rig, servers, QUICK.requests, 200, 20, '')),
    };
    ratios.push((round['gateway'] ?? 0) / (round['ceiling'] ?? 1));
  }
  const ratio: Spread = spread(ratios);
  const isFast = ratio.median >= GUARD_FLOOR;
  console.log(
    `gateway/ceiling: median ${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)} to ${ratio.max.toFixed(2)}), floor ${GUARD_FLOOR}: ${isFast ? 'holds' : 'MISSED'}`,
  );
  return isFast ? 0 : 4;
}

function machine(): Machine {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? '',
    cores: os.availableParallelism(),
    memoryGb: Math.round((os.totalmem() / 1024 ** 3) * 10) / 10,
    node: process.versions.node,
    os: `${os.type()} ${os.release()}`,
  };
}
