/**
 * Measures the window in Chromium against what it promises, and ends with 1 when a metric misses its limit.
 *
 *   npm run bench:ui [-- --minutes 10] [--rate 30000] [--attacks 3] [--only app|replay] [--json FILE]
 *
 * Two things are watched. `app`: the built app with real backends: how fast the first page is painted, how much
 * JavaScript it takes, and how it bears real attacks, at whatever rate this machine reaches. `replay`: the same page on
 * the messages of the recorded run, scaled to `--rate` requests a second and repeated (`atRate` in
 * scripts/replay/recorded-run.ts): it takes that load and that length on any machine.
 * FLASHGRID_CHROMIUM names a Chromium that lies elsewhere.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import process from 'node:process';
import { parseArgs } from 'node:util';
import type { Browser } from 'playwright-core';
import { ReleaseStack } from '../../services/shared/release-stack.ts';
import { launchChromium } from '../chromium.mjs';
import { serveFreshApp, serveReplay } from '../serve.ts';
import { formatTable, judge, mb, type Metric } from './limits.ts';
import { loadCold, type ColdLoad } from './page-observer.ts';
import { watchAttacks, watchReplay } from './watch.ts';

/** Cold loads of the first page; the middle one counts. */
const LOADS = 5;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: '30000' },
    attacks: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    json: { type: 'string', default: '' },
  },
});
const minutes = positive('minutes');
const ratePerSec = positive('rate');
const attacks = positive('attacks');
if (!['', 'app', 'replay'].includes(values.only)) throw new Error('--only takes app or replay.');

const undo = new ReleaseStack();
const metrics: Metric[] = [];
try {
  const browser = await launchChromium();
  undo.add('browser', () => browser.close());
  if (values.only !== 'replay') metrics.push(...(await measureApp(browser)));
  if (values.only !== 'app') metrics.push(...(await measureReplay(browser)));
} finally {
  await undo.release();
}

console.log(`\n${formatTable(metrics)}\n`);
const [load = 0] = loadavg();
// By the clock a task also lasts while other programs have the processor.
console.log(
  `${availableParallelism()} cores, ${load.toFixed(1)} programs at work on them in the last minute, this measurement included.`,
);
const missed = metrics.filter(({ isMet }) => isMet === false);
console.log(missed.length === 0 ? 'All limits are met.' : `${missed.length} limit(s) missed.`);
if (values.json !== '')
  await writeFile(
    values.json,
    `${JSON.stringify({ minutes, ratePerSec, cores: availableParallelism(), load, isMet: missed.length === 0, metrics }, null, 2)}\n`,
  );
process.exitCode = missed.length === 0 ? 0 : 1;

function positive(name: 'minutes' | 'rate' | 'attacks'): number {
  const value = Number(values[name]);
  if (!(value > 0)) throw new Error(`--${name} takes a number above 0, not ${values[name]}`);
  return value;
}

async function measureApp(browser: Browser): Promise<Metric[]> {
  const frontend = await serveFreshApp();
  undo.add('app', () => frontend.close(), 90_000);

  console.log(`The first page, ${LOADS} times with nothing cached…`);
  const loads: ColdLoad[] = [];
  for (let load = 0; load < LOADS; load++)
    loads.push(
      await loadCold(browser, frontend.url, (page) =>
        page.getByRole('button', { name: 'Start the cluster' }).waitFor(),
      ),
    );
  const paints = loads.map(({ firstContentfulPaintMs }) => firstContentfulPaintMs).sort((a, b) => a - b);
  const paintMs = paints[Math.floor(LOADS / 2)] ?? Infinity;
  const scriptBytes = Math.max(...loads.map((load) => load.scriptBytes));
  console.log(`${attacks} attack(s) on the real app, watched live…`);
  const watched = await watchAttacks(browser, frontend.url, attacks);
  return [
    judge('app', 'first contentful paint, cold', paintMs, 'firstPaintMs'),
    judge('app', 'initial JavaScript, gzip', scriptBytes / 1_000, 'scriptKb'),
    ...watched,
  ];
}

async function measureReplay(browser: Browser): Promise<Metric[]> {
  const frontend = await serveReplay(ratePerSec);
  undo.add('replay', () => frontend.close(), 90_000);
  console.log(
    `A replayed run of ${ratePerSec.toLocaleString('en-US')} requests a second, for ${minutes} minute(s)…`,
  );
  return await watchReplay(browser, frontend.url, minutes, (reading) =>
    console.log(`  heap ${mb(reading.heapBytes)}, ${reading.domNodes} DOM nodes`),
  );
}
