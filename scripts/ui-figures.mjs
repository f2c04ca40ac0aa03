/**
 * Measures the window against the real app in Chromium: how fast the first page is painted, how much JavaScript it loads, how long the longest
 * task is while an attack is watched live, and whether memory stays flat over minutes of attacks, one after the other.
 *
 *   node scripts/ui-figures.mjs [--minutes N]
 *
 * Needs the built app (npm run build), the engines on this machine and a Chromium; FLASHGRID_CHROMIUM names one that lies elsewhere.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';

const CLI = resolve(import.meta.dirname, '../out/main/cli.js');
const PLACES = [
  process.env.FLASHGRID_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];
const CHROMIUM_ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'];
const VIEWPORT = { width: 1440, height: 900 };
/** Cold loads of the first page; the middle one counts. */
const LOADS = 5;
const LIMIT_MS = 180_000;
/** What the product promises. */
const TARGETS = { firstPaintMs: 1_000, javascriptKb: 400, longestTaskMs: 50 };
/** The longest surge of the ready-made attacks. */
const PRESET = '100,000 buyers';

/** Notes tasks over 50 ms and the time between frames; runs in the page before anything else does. */
const OBSERVE = `
  globalThis.figures = { tasks: [], longestFrameMs: 0, frames: 0, sinceMs: performance.now() };
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) figures.tasks.push({ startTime, duration });
  }).observe({ type: 'longtask', buffered: true });
  let before = performance.now();
  const frame = (now) => {
    figures.frames++;
    figures.longestFrameMs = Math.max(figures.longestFrameMs, now - before);
    before = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
`;
const RESET =
  'Object.assign(figures, { tasks: [], longestFrameMs: 0, frames: 0, sinceMs: performance.now() }), undefined';
const READ = '({ ...figures, forMs: performance.now() - figures.sinceMs })';

/** Starts the browser face with the machine's own engines; resolves to its process and address. */
function serve(dataDir) {
  const child = spawn(process.execPath, [CLI, 'serve', '--port', '0', '--data-dir', dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise((resolveServe, reject) => {
    let text = '';
    const timer = setTimeout(() => {
      child.kill();
      reject(new Error('the browser face gave no address within 30 s'));
    }, 30_000);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`serve ended with code ${code}: ${text}`)));
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (part) => {
      text += part;
      const url = /(http:\/\/\S+)\s/.exec(text)?.[1];
      if (!url) return;
      clearTimeout(timer);
      child.removeAllListeners('exit');
      resolveServe({ child, url });
    });
  });
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Loads the first page with nothing cached. */
async function loadCold(browser, url) {
  const context = await browser.newContext({ viewport: VIEWPORT });
  const page = await context.newPage();
  const scripts = [];
  page.on('response', (response) => {
    if (response.headers()['content-type']?.startsWith('text/javascript')) scripts.push(response.body());
  });
  await page.goto(url);
  await page.getByRole('button', { name: 'Start the cluster' }).waitFor();
  await page.waitForFunction('performance.getEntriesByName("first-contentful-paint").length > 0');
  const paintMs = await page.evaluate('performance.getEntriesByName("first-contentful-paint")[0].startTime');
  const bytes = (await Promise.all(scripts)).reduce((sum, body) => sum + gzipSync(body).length, 0);
  await context.close();
  return { paintMs, bytes };
}

/** Bytes of JavaScript objects in use, once what is garbage is gone. */
async function heapBytes(session) {
  await session.send('HeapProfiler.collectGarbage');
  return (await session.send('Runtime.getHeapUsage')).usedSize;
}

/** Waits for the verdict and reads the answers a second from the page. */
async function verdictRps(page) {
  await page.getByText(/^(Proven|Failed|Not valid)$/).waitFor({ timeout: LIMIT_MS });
  const text = await page
    .getByRole('region', { name: 'Figures' })
    .locator('div', { has: page.getByText('answers a second', { exact: true }) })
    .locator('dd')
    .innerText();
  return Number(text.replaceAll(',', ''));
}

/** Attacks again and again, watched live, until the time is over. */
async function watchAttacks(page, session, minutes) {
  await page.getByRole('link', { name: 'Send in the crowd' }).click();
  await page.locator('label', { hasText: PRESET }).click();
  await page.getByRole('button', { name: 'Launch attack' }).click();
  // The first attack also loads the charts; what is measured begins after it.
  const rates = [await verdictRps(page)];
  const heaps = [await heapBytes(session)];
  await page.evaluate(RESET);
  const endMs = Date.now() + minutes * 60_000;
  do {
    await page.getByRole('button', { name: 'Again', exact: true }).click();
    await page.getByRole('button', { name: 'Call off' }).waitFor();
    rates.push(await verdictRps(page));
    const before = await page.evaluate(READ);
    heaps.push(await heapBytes(session));
    // Collecting the garbage is the measurement's own task.
    await page.evaluate(({ tasks }) => void Object.assign(globalThis.figures, { tasks }), before);
  } while (Date.now() < endMs);
  return { rates, heaps, observed: await page.evaluate(READ) };
}

function table(rows) {
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join('  ')).join('\n');
}

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '1' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error(`--minutes takes a number above 0, not ${values.minutes}`);
const executablePath = PLACES.find((place) => place && existsSync(place));
if (!executablePath)
  throw new Error('No Chromium was found. Install chromium, or name one in FLASHGRID_CHROMIUM.');

const base = await mkdtemp(join(tmpdir(), 'flashgrid-figures-'));
await chmod(base, 0o755);
const dataDir = join(base, 'flashgrid');
await mkdir(dataDir);
await writeFile(join(dataDir, 'settings.json'), JSON.stringify({ provider: 'native' }));
let face;
let browser;
try {
  face = await serve(dataDir);
  browser = await chromium.launch({ executablePath, args: CHROMIUM_ARGS });
  const loads = [];
  for (let load = 0; load < LOADS; load++) loads.push(await loadCold(browser, face.url));

  const page = await browser.newPage({ viewport: VIEWPORT });
  await page.addInitScript(OBSERVE);
  await page.goto(face.url);
  await page.getByRole('button', { name: 'Start the cluster' }).click();
  await page.getByRole('heading', { name: 'Open for business.' }).waitFor({ timeout: LIMIT_MS });
  const session = await page.context().newCDPSession(page);
  const { rates, heaps, observed } = await watchAttacks(page, session, minutes);

  const longest = Math.max(0, ...observed.tasks.map(({ duration }) => duration));
  const mb = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
  console.log(
    table([
      ['figure', 'measured', 'promised'],
      [
        'first contentful paint, cold',
        `${Math.round(median(loads.map(({ paintMs }) => paintMs)))} ms`,
        `≤ ${TARGETS.firstPaintMs} ms`,
      ],
      [
        'initial JavaScript, gzip',
        `${Math.round(loads[0].bytes / 1_000)} kB`,
        `≤ ${TARGETS.javascriptKb} kB`,
      ],
      [
        'longest task, live',
        longest === 0 ? 'none over 50 ms' : `${Math.round(longest)} ms (${observed.tasks.length} over 50 ms)`,
        `≤ ${TARGETS.longestTaskMs} ms`,
      ],
      ['frames a second, live', (observed.frames / (observed.forMs / 1_000)).toFixed(1), '60'],
      ['longest time between two frames', `${Math.round(observed.longestFrameMs)} ms`, ''],
      [
        'answers a second',
        `${median(rates).toLocaleString('en-US')}, best ${Math.max(...rates).toLocaleString('en-US')}`,
        '',
      ],
      ['attacks watched', `${heaps.length - 1} in ${Math.round(observed.forMs / 1_000)} s`, ''],
      ['heap after the first attack', mb(heaps[0]), ''],
      ['heap after the last', mb(heaps.at(-1)), 'flat'],
      ['heap, highest', mb(Math.max(...heaps)), ''],
    ]),
  );
} finally {
  await browser?.close();
  if (face && face.child.exitCode === null) {
    const ended = new Promise((resolveEnd) => face.child.once('exit', resolveEnd));
    face.child.kill('SIGINT');
    await ended;
  }
  await rm(base, { recursive: true, force: true });
}
