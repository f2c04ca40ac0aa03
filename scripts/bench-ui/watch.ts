/** Opens the page, runs the measured scenarios, and reports the metrics. */
import type { Browser, CDPSession, Page } from 'playwright-core';
import { judge, mb, report, type Metric } from './limits.ts';
import {
  VIEWPORT,
  beginLook,
  endLook,
  framesOf,
  growthPerMin,
  longestTaskMs,
  observe,
  readMemory,
  readWork,
  type MemoryReading,
  type Observation,
} from './page-observer.ts';

const LIMIT_MS = 180_000;
/** The longest surge of the ready-made attacks. */
const PRESET = '100,000 buyers';
/** ms until the page's buffers are full (half a minute of flow, 3,000 log lines); until then they grow as expected. */
const WARM_UP_MS = 80_000;
/** ms between two readings of the memory. */
const READING_MS = 10_000;
/** Minutes from which on growth is judged. */
const JUDGED_MINUTES = 5;
/** How long each other page is watched. */
const OTHER_PAGE_MS = 15_000;
/** How long a page is traced on the replay. */
const TRACED_MS = 15_000;

interface Watched {
  readonly page: Page;
  readonly session: CDPSession;
  close(): Promise<void>;
}

async function open(browser: Browser, url: string): Promise<Watched> {
  const context = await browser.newContext({ viewport: VIEWPORT });
  const page = await context.newPage();
  await observe(page);
  await page.goto(url);
  const session = await context.newCDPSession(page);
  await session.send('Performance.enable');
  return { page, session, close: () => context.close() };
}

const visit = (page: Page, name: string) =>
  page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name }).click();
const wait = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/** Which scripts ran in the frames that took longest. */
function causesOf({ causes }: Observation): string[] {
  return [...causes]
    .sort((a, b) => b.durationMs - a.durationMs)
    .slice(0, 3)
    .map(({ durationMs, scripts }) => `a frame of ${Math.round(durationMs)} ms: ${scripts.join(' · ')}`);
}

function taskMetrics(on: Metric['on'], where: string, seen: Observation): Metric[] {
  const frames = framesOf(seen);
  return [
    judge(
      on,
      `longest task, ${where}`,
      longestTaskMs(seen),
      'longestTaskMs',
      seen.tasks.length === 0 ? [] : [`${seen.tasks.length} over 50 ms`, ...causesOf(seen)],
    ),
    judge(on, `frames a second, ${where}`, frames.perSec, 'framesPerSec'),
    report(on, `frames a second, slowest 5 %, ${where}`, frames.slowPerSec),
    report(on, `longest time between two frames, ms, ${where}`, seen.longestGapMs),
  ];
}

async function workMetrics(
  { page, session }: Watched,
  on: Metric['on'],
  where: string,
  meanwhile = () => wait(TRACED_MS),
): Promise<Metric[]> {
  const { share, longestTaskMs: ownMs } = await readWork(page, session, meanwhile);
  return [
    judge(on, `longest task, processor time, ${where}`, ownMs, 'longestTaskMs'),
    report(on, `main thread at work, %, ${where}`, share * 100),
  ];
}

/** Waits for the verdict and reads the answers a second from the page. */
async function verdictRps(page: Page): Promise<number> {
  await page.getByText(/^(Proven|Failed|Not valid)$/).waitFor({ timeout: LIMIT_MS });
  const text = await page
    .getByRole('region', { name: 'Metrics' })
    .locator('div', { has: page.getByText('answers a second', { exact: true }) })
    .locator('dd')
    .innerText();
  return Number(text.replaceAll(',', ''));
}

/** Starts the cluster and attacks so many times, watched live up to the verdict. */
export async function watchAttacks(browser: Browser, url: string, attacks: number): Promise<Metric[]> {
  const watched = await open(browser, url);
  const { page, session, close } = watched;
  await page.getByRole('button', { name: 'Start the cluster' }).click();
  await page.getByRole('heading', { name: 'The cluster is running.' }).waitFor({ timeout: LIMIT_MS });
  await visit(page, 'Attack');
  await page.locator('label', { hasText: PRESET }).click();
  await page.getByRole('button', { name: 'Launch attack' }).click();
  // The first attack also loads the charts; what is measured begins after it.
  await verdictRps(page);
  await beginLook(page);
  const heaps = [await readMemory(page, session)];
  const rates: number[] = [];
  const again = async (): Promise<void> => {
    await page.getByRole('button', { name: 'Again', exact: true }).click();
    await page.getByRole('button', { name: 'Call off' }).waitFor();
    rates.push(await verdictRps(page));
  };
  for (let attack = 0; attack < attacks; attack++) {
    await again();
    heaps.push(await readMemory(page, session));
  }
  const seen = await endLook(page);
  const work = await workMetrics(watched, 'app', 'attack', again);
  await close();
  return [
    report('app', 'answers a second of the real app, best', Math.max(...rates)),
    ...taskMetrics('app', 'attack', seen),
    ...work,
    report(
      'app',
      'heap, after the first attack and the last',
      heaps.at(-1)?.heapBytes ?? 0,
      heaps.map(({ heapBytes }) => mb(heapBytes)).join(' → '),
    ),
  ];
}

/** Watches the replayed attack for so many minutes, then the other pages that show it live. */
export async function watchReplay(
  browser: Browser,
  url: string,
  minutes: number,
  onReading: (reading: MemoryReading) => void,
): Promise<Metric[]> {
  const watched = await open(browser, url);
  const { page, session, close } = watched;
  await visit(page, 'Attack');
  await page.getByRole('button', { name: 'Call off' }).waitFor();
  await page.locator('.recharts-surface').first().waitFor();
  await wait(WARM_UP_MS);
  await beginLook(page);
  const readings = [await readMemory(page, session)];
  for (const endMs = Date.now() + minutes * 60_000; Date.now() < endMs;) {
    await wait(Math.min(READING_MS, endMs - Date.now()));
    const reading = await readMemory(page, session);
    readings.push(reading);
    onReading(reading);
  }
  const metrics = taskMetrics('replay', 'attack', await endLook(page));
  metrics.push(...(await workMetrics(watched, 'replay', 'attack')));
  for (const name of ['Control', 'Logs']) {
    await visit(page, name);
    await page.getByRole('main').getByRole('heading', { level: 1 }).waitFor({ state: 'attached' });
    await wait(1_000);
    await beginLook(page);
    await wait(OTHER_PAGE_MS);
    metrics.push(
      ...taskMetrics('replay', name.toLowerCase(), await endLook(page)),
      ...(await workMetrics(watched, 'replay', name.toLowerCase())),
    );
  }
  await close();
  const last = readings.at(-1);
  return [
    ...metrics,
    ...growthMetrics(readings, minutes),
    report('replay', 'heap, lowest to highest', last?.heapBytes ?? 0, range(readings, 'heapBytes', mb)),
    report(
      'replay',
      'DOM nodes, lowest to highest',
      last?.domNodes ?? 0,
      range(readings, 'domNodes', String),
    ),
  ];
}

/** The heap varies by a megabyte, so the slope over a minute or two means nothing. */
function growthMetrics(readings: readonly MemoryReading[], minutes: number): Metric[] {
  const heapKb = growthPerMin(readings, 'heapBytes') / 1_000;
  const nodes = growthPerMin(readings, 'domNodes');
  if (minutes < JUDGED_MINUTES)
    return [
      report('replay', `growth of the heap, kB/min, not judged below ${JUDGED_MINUTES} minutes`, heapKb),
      report('replay', `growth of the DOM, nodes/min, not judged below ${JUDGED_MINUTES} minutes`, nodes),
    ];
  return [
    judge('replay', 'growth of the heap', heapKb, 'heapKbPerMin'),
    judge('replay', 'growth of the DOM', nodes, 'nodesPerMin'),
  ];
}

function range(
  readings: readonly MemoryReading[],
  key: 'heapBytes' | 'domNodes',
  show: (value: number) => string,
): string {
  const all = readings.map((reading) => reading[key]);
  return `${show(Math.min(...all))} – ${show(Math.max(...all))}`;
}
