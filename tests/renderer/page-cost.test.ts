/**
 * What the page costs, held on any machine: the size of its JavaScript as it is; times only as ratios to a bare page in the same browser.
 * `npm run bench:ui` measures the same in milliseconds, and for as long as one likes.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveReplay, type ServedFrontend } from '../../scripts/serve.ts';
import { LIMITS } from '../../scripts/bench-ui/limits.ts';
import {
  beginLook,
  endLook,
  framesOf,
  loadCold,
  observe,
  readMemory,
  type Observation,
} from '../../scripts/bench-ui/page-observer.ts';
import { launchChromium } from '../../scripts/chromium.mjs';

const RATE_PER_SEC = 30_000;
const LIVE_MS = 12_000;
const IDLE_MS = 2_000;
/** Loads in turn; the fastest counts, for whatever else the machine does can only slow one down. */
const LOADS = 3;
/** A page that shows one word is painted this much sooner at the most. */
const MAX_PAINT_RATIO = 25;
/** Share of the time that tasks over 50 ms may take. A page that draws too much is far above; a busy machine stretches a task now and then. */
const MAX_LONG_SHARE = 0.12;
/** Frames that must be left of those of a bare page. */
const MIN_FRAME_RATIO = 0.6;

let browser: Browser;
let replay: ServedFrontend;
let bare: Server;
let bareUrl: string;
let page: Page;
let session: CDPSession;

const wait = (ms: number) => new Promise((done) => setTimeout(done, ms));
const longShare = ({ tasks, forMs }: Observation) =>
  tasks.reduce((sum, { durationMs }) => sum + durationMs, 0) / forMs;

/** Looks at a page for so long. */
async function look(at: Page, ms: number): Promise<Observation> {
  await beginLook(at);
  await wait(ms);
  return await endLook(at);
}

beforeAll(async () => {
  bare = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>Bare</title><p>Bare</p>');
  });
  await new Promise<void>((done) => bare.listen(0, '127.0.0.1', done));
  bareUrl = `http://127.0.0.1:${(bare.address() as AddressInfo).port}/`;
  [replay, browser] = await Promise.all([serveReplay(RATE_PER_SEC), launchChromium()]);
});

afterAll(async () => {
  await browser.close();
  await replay.close();
  bare.closeAllConnections();
  bare.close();
});

describe('the first page', () => {
  it('is small, and painted not much later than a bare one', async () => {
    const paints: Record<'app' | 'bare', number[]> = { app: [], bare: [] };
    for (let load = 0; load < LOADS; load++) {
      const { firstContentfulPaintMs, scriptBytes } = await loadCold(browser, replay.url, (there) =>
        there.getByRole('navigation', { name: 'Pages' }).waitFor(),
      );
      paints.app.push(firstContentfulPaintMs);
      expect(scriptBytes).toBeGreaterThan(50_000);
      expect(scriptBytes / 1_000).toBeLessThanOrEqual(LIMITS.scriptKb.atMost);
      const { firstContentfulPaintMs: bareMs } = await loadCold(browser, bareUrl, (there) =>
        there.getByText('Bare').waitFor(),
      );
      paints.bare.push(bareMs);
    }
    expect(Math.min(...paints.app) / Math.min(...paints.bare)).toBeLessThan(MAX_PAINT_RATIO);
  });
});

describe('a run of 30,000 requests a second, watched live', () => {
  it('leaves the page its frames and its thread', async () => {
    const context = await browser.newContext();
    page = await context.newPage();
    session = await context.newCDPSession(page);
    await observe(page);
    await page.goto(bareUrl);
    const idle = await look(page, IDLE_MS);

    await page.goto(replay.url);
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Attack' }).click();
    await page.locator('.recharts-surface').first().waitFor();
    await wait(1_000);
    const asked = () => page.getByRole('region', { name: 'Metrics' }).locator('dd').first().innerText();
    const [before, first] = [await asked(), await readMemory(page, session)];
    const live = await look(page, LIVE_MS);
    const last = await readMemory(page, session);

    // It was live indeed, at that rate.
    const grown = Number((await asked()).replaceAll(',', '')) - Number(before.replaceAll(',', ''));
    expect(grown).toBeGreaterThan(((RATE_PER_SEC * LIVE_MS) / 1_000) * 0.8);
    expect(longShare(live), JSON.stringify(live.causes.slice(0, 5), null, 2)).toBeLessThan(MAX_LONG_SHARE);
    expect(framesOf(live).perSec / framesOf(idle).perSec).toBeGreaterThan(MIN_FRAME_RATIO);
    // A quarter of a minute of samples and log lines is kept; nothing else may grow, the drawing least of all.
    expect(last.domNodes / first.domNodes).toBeLessThan(1.5);
    expect(last.listeners / first.listeners).toBeLessThan(1.5);
    expect(last.heapBytes / first.heapBytes).toBeLessThan(1.5);
  });

  it('is found out when something blocks the page', async () => {
    await page.evaluate(`void setInterval(() => {
      for (const endMs = performance.now() + 80; performance.now() < endMs; );
    }, 300)`);
    const blocked = await look(page, IDLE_MS);
    expect(longShare(blocked)).toBeGreaterThan(MAX_LONG_SHARE);
    expect(blocked.causes.length).toBeGreaterThan(0);
  });
});
