/** Measures a page: its long tasks, the time between its frames, and its memory. */
import { gzipSync } from 'node:zlib';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { z } from 'zod';

export const VIEWPORT = { width: 1440, height: 900 } as const;

/**
 * Runs in the page before anything else. It records between `start` and `stop` only, which leaves out the measurement's
 * own work (collecting garbage). Frames are counted by their distance in ms, so that the memory is bounded.
 */
const OBSERVE = `{
  const metrics = { isOn: false, sinceMs: 0, forMs: 0, tasks: [], causes: [], gaps: new Array(1001).fill(0), longestGapMs: 0 };
  let before;
  const note = (list, into) => { if (metrics.isOn) for (const entry of list) if (entry.startTime >= metrics.sinceMs) into(entry); };
  const onTask = ({ startTime, duration }) => metrics.tasks.push({ startMs: startTime, durationMs: duration });
  const onFrame = ({ startTime, duration, scripts }) => metrics.causes.push({
    startMs: startTime, durationMs: duration,
    scripts: scripts.map(({ invoker, sourceURL, sourceFunctionName, sourceCharPosition, duration }) =>
      Math.round(duration) + ' ms ' + invoker + ' ' + sourceURL.split('/').pop() + ':' + sourceCharPosition + ' ' + sourceFunctionName),
  });
  const tasks = new PerformanceObserver((list) => note(list.getEntries(), onTask));
  const frames = new PerformanceObserver((list) => note(list.getEntries(), onFrame));
  tasks.observe({ type: 'longtask' });
  frames.observe({ type: 'long-animation-frame' });
  const onGap = (now) => {
    if (metrics.isOn && before !== undefined) {
      const gapMs = now - before;
      metrics.gaps[Math.min(1000, Math.round(gapMs))]++;
      metrics.longestGapMs = Math.max(metrics.longestGapMs, gapMs);
    }
    before = metrics.isOn ? now : undefined;
    requestAnimationFrame(onGap);
  };
  requestAnimationFrame(onGap);
  metrics.start = () => { tasks.takeRecords(); frames.takeRecords(); before = undefined; metrics.sinceMs = performance.now(); metrics.isOn = true; };
  metrics.stop = () => {
    note(tasks.takeRecords(), onTask);
    note(frames.takeRecords(), onFrame);
    metrics.isOn = false;
    metrics.forMs += performance.now() - metrics.sinceMs;
  };
  metrics.clear = () => Object.assign(metrics, { forMs: 0, tasks: [], causes: [], gaps: new Array(1001).fill(0), longestGapMs: 0 });
  globalThis.metrics = metrics;
}`;

const ms = z.number().nonnegative();
const observationSchema = z.object({
  /** Time observed. */
  forMs: ms,
  /** Tasks over 50 ms, by the browser's own measure. */
  tasks: z.array(z.object({ startMs: ms, durationMs: ms })),
  /** Frames that took over 50 ms, with the scripts that ran in them. */
  causes: z.array(z.object({ startMs: ms, durationMs: ms, scripts: z.array(z.string()) })),
  /** How many frames came so many ms after the one before; the last entry stands for longer too. */
  gaps: z.array(z.number().int().nonnegative()),
  longestGapMs: ms,
});
export type Observation = z.infer<typeof observationSchema>;

/** Has a page observed from its next load on. */
export async function observe(page: Page): Promise<void> {
  await page.addInitScript(OBSERVE);
}

const call = (page: Page, method: 'start' | 'stop' | 'clear') =>
  page.evaluate(`void globalThis.metrics.${method}()`);

/** Resets the counts and starts to record. */
export async function beginLook(page: Page): Promise<void> {
  await call(page, 'clear');
  await call(page, 'start');
}

/** Stops to record; returns the counts since the start. */
export async function endLook(page: Page): Promise<Observation> {
  await call(page, 'stop');
  return observationSchema.parse(
    await page.evaluate(
      '(({ forMs, tasks, causes, gaps, longestGapMs }) => ({ forMs, tasks, causes, gaps, longestGapMs }))(globalThis.metrics)',
    ),
  );
}

export interface MemoryReading {
  readonly atMs: number;
  /** JavaScript objects in use, once what is garbage is gone. */
  readonly heapBytes: number;
  readonly domNodes: number;
  readonly listeners: number;
}

export interface Work {
  /** Share of the time in which the page's main thread worked, 0..1. */
  readonly share: number;
  /**
   * CPU time of the longest task. By the clock a task may take longer, when other programs use the processor meanwhile.
   */
  readonly longestTaskMs: number;
}

const traceSchema = z.object({
  name: z.string(),
  tid: z.number(),
  pid: z.number(),
  tdur: z.number().optional(),
});

/** Traces every task of the pages' main threads. Tracing takes time too, so measure long tasks separately. */
export async function readWork(
  page: Page,
  session: CDPSession,
  meanwhile: () => Promise<unknown>,
): Promise<Work> {
  const tracing = await page.context().browser()?.newBrowserCDPSession();
  if (!tracing) throw new Error('a page without a browser cannot be traced');
  let longestMicros = 0;
  tracing.on('Tracing.dataCollected', ({ value }) => {
    for (const raw of value) {
      const event = traceSchema.safeParse(raw);
      if (!event.success || event.data.name !== 'RunTask' || event.data.tid !== event.data.pid) continue;
      longestMicros = Math.max(longestMicros, event.data.tdur ?? 0);
    }
  });
  const readBusySec = async (): Promise<number> => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0;
  };
  const [beganMs, before] = [performance.now(), await readBusySec()];
  await tracing.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: {
      includedCategories: ['disabled-by-default-devtools.timeline'],
      excludedCategories: ['*'],
    },
  });
  await meanwhile();
  const share = ((await readBusySec()) - before) / ((performance.now() - beganMs) / 1_000);
  const complete = new Promise<void>((done) => tracing.once('Tracing.tracingComplete', () => done()));
  await tracing.send('Tracing.end');
  await complete;
  await tracing.detach();
  return { share, longestTaskMs: longestMicros / 1_000 };
}

const domSchema = z.object({ nodes: z.number(), jsEventListeners: z.number() });

/** Collects the garbage and reads the memory in use; a running recording leaves this out. */
export async function readMemory(page: Page, session: CDPSession): Promise<MemoryReading> {
  await call(page, 'stop');
  // Twice: what a finalizer releases becomes garbage only then.
  await session.send('HeapProfiler.collectGarbage');
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const dom = domSchema.parse(await session.send('Memory.getDOMCounters'));
  // Lets the page handle the events that waited meanwhile, before the recording goes on.
  await page.evaluate('new Promise((done) => setTimeout(done, 500))');
  await call(page, 'start');
  return { atMs: Date.now(), heapBytes: usedSize, domNodes: dom.nodes, listeners: dom.jsEventListeners };
}

export interface Frames {
  readonly perSec: number;
  /** The slowest 5 % of the frames came at this rate or below. */
  readonly slowPerSec: number;
}

export function framesOf({ gaps, forMs }: Observation): Frames {
  const count = gaps.reduce((sum, frames) => sum + frames, 0);
  let left = count * 0.05;
  const slowMs = gaps.findLastIndex((frames) => (left -= frames) <= 0);
  return { perSec: (count * 1_000) / forMs, slowPerSec: 1_000 / Math.max(1, slowMs) };
}

export const longestTaskMs = ({ tasks }: Observation): number =>
  Math.max(0, ...tasks.map(({ durationMs }) => durationMs));

/** Growth per minute, as the slope of a straight line through the readings. */
export function growthPerMin(
  readings: readonly MemoryReading[],
  key: 'heapBytes' | 'domNodes' | 'listeners',
): number {
  const n = readings.length;
  const meanMin = readings.reduce((sum, { atMs }) => sum + atMs / 60_000, 0) / n;
  const mean = readings.reduce((sum, reading) => sum + reading[key], 0) / n;
  let over = 0;
  let under = 0;
  for (const reading of readings) {
    const min = reading.atMs / 60_000 - meanMin;
    over += min * (reading[key] - mean);
    under += min * min;
  }
  return under === 0 ? 0 : over / under;
}

export interface ColdLoad {
  readonly firstPaintMs: number;
  readonly firstContentfulPaintMs: number;
  /** Of all scripts that came before the page stood, compressed. */
  readonly scriptBytes: number;
}

/** Loads a page with nothing cached; it stands when `isThere` resolves. */
export async function loadCold(
  browser: Browser,
  url: string,
  isThere: (page: Page) => Promise<unknown>,
): Promise<ColdLoad> {
  const context = await browser.newContext({ viewport: VIEWPORT });
  const page = await context.newPage();
  const scripts: Promise<Buffer>[] = [];
  page.on('response', (response) => {
    if (response.headers()['content-type']?.startsWith('text/javascript')) scripts.push(response.body());
  });
  await page.goto(url);
  await isThere(page);
  await page.waitForFunction('performance.getEntriesByName("first-contentful-paint").length > 0');
  const paintMs = async (name: string) =>
    z
      .number()
      .parse(await page.evaluate(`performance.getEntriesByName(${JSON.stringify(name)})[0].startTime`));
  const load = {
    firstPaintMs: await paintMs('first-paint'),
    firstContentfulPaintMs: await paintMs('first-contentful-paint'),
    scriptBytes: (await Promise.all(scripts)).reduce((sum, body) => sum + gzipSync(body).length, 0),
  };
  await context.close();
  return load;
}
