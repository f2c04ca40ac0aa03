/** Every page under axe-core, in both themes and at both sizes, with a cluster that runs and a run that is kept, and has failed. */
import { PAGES, PAGE_TITLES } from '../../contract/pages.ts';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { whole } from '../../contract/format.ts';
import { runRecordSchema } from '../../contract/run-record.ts';
import { launchChromium } from '../../scripts/chromium.mjs';
import { findViolations } from './support/axe.ts';
import { startFrontend, type Face } from './support/frontend.ts';
import { STOCK, personAt } from './support/person.ts';
import { plantFaults } from './support/plant-faults.ts';
import { factsOf, fillNumber, openWindow, wear } from './support/window.ts';

const shopAdapter = readFileSync(resolve(import.meta.dirname, '../../docs/examples/shop.json'), 'utf8');

/** A start and an attack, on a machine that has other things to do. */
const SET_UP_LIMIT_MS = 90_000;

let frontend: Face;
let browser: Browser;
let page: Page;
let runUrl: string;

const { button, heading, visit, noViolations, pressOn, launch, openForm } = personAt(() => page);

async function open(name: string): Promise<void> {
  await visit(name);
  await page.locator('[aria-current="page"]', { hasText: name }).waitFor();
  await page.getByRole('main').getByRole('heading', { level: 1 }).waitFor({ state: 'attached' });
}

async function openRun(): Promise<void> {
  await page.goto(runUrl);
  await page.getByRole('region', { name: 'What was proven' }).waitFor();
}

/** What is longer than its place: the document itself, the list of the pages, the page sideways, or a region that then scrolls sideways. */
const OVERFLOWS = `(() => {
  const html = document.documentElement;
  const isWide = (element) => element.scrollWidth > element.clientWidth + 1;
  const wide = [...document.querySelectorAll('main, main [role=region], main ul, main figure, main table')].filter(isWide);
  return [
    ...(html.scrollHeight > window.innerHeight ? ['the document is ' + html.scrollHeight + ' high'] : []),
    ...[...document.querySelectorAll('nav')].filter((nav) => nav.scrollHeight > nav.clientHeight + 1).map(() => 'the pages do not fit into their rail'),
    ...(isWide(html) ? ['the document is ' + html.scrollWidth + ' wide'] : []),
    ...wide.map((element) => element.tagName + ' ' + element.ariaLabel + ' is ' + element.scrollWidth + ' wide'),
  ];
})()`;

/** What scrolls: the document, or the page in it. */
const SCROLLS = `[document.documentElement, document.getElementById('main')]
  .filter((element) => element.scrollHeight > element.clientHeight || element.scrollWidth > element.clientWidth)
  .map((element) => element.tagName + ' is ' + element.scrollHeight + ' high, and ' + element.clientHeight + ' are seen')`;

beforeAll(async () => {
  [frontend, browser] = await Promise.all([startFrontend(), launchChromium()]);
  ({ page } = await openWindow(browser, frontend.url));
  await button('Start the cluster').click();
  await heading('The cluster is running.').waitFor({ timeout: SET_UP_LIMIT_MS });
}, SET_UP_LIMIT_MS);

/** A run that failed, and its address. */
async function failARun(): Promise<void> {
  // A failed run shows all that a proven one does, and its witnesses.
  await launch({ perSec: 200, forSec: 4 });
  await plantFaults(frontend.dataDir, STOCK);
  await page.getByRole('link', { name: 'Full record' }).click({ timeout: SET_UP_LIMIT_MS });
  await page.getByRole('region', { name: 'What was proven' }).waitFor();
  runUrl = page.url();
}

afterAll(async () => {
  await browser.close();
  await frontend.close();
});

describe('the crash matrix', () => {
  const results = () => page.getByRole('region', { name: 'Fault by fault' });
  const row = (fault: string) => results().getByRole('row').filter({ hasText: fault });

  it('goes through its attacks, stops at a click, and goes on where it was', async () => {
    await open('Matrix');
    await page.getByText('No result yet').waitFor();
    await page.getByText('flush', { exact: true }).click();
    // More than are made before the stop.
    await fillNumber(page, 'Seeds', 6);
    await page.getByText(/^6 attacks\. /).waitFor();
    await button('Start the matrix').click();
    const progress = page.getByRole('region', { name: 'Progress' });
    await progress.getByRole('heading', { name: 'Attack 1 of 6' }).waitFor({ timeout: SET_UP_LIMIT_MS });
    await progress.getByText('flush:redis@').waitFor();
    await noViolations('Matrix, running');
    await row('flush:redis').waitFor({ timeout: SET_UP_LIMIT_MS });
    await progress.getByText(/ % done, about \d+ s left/).waitFor();
    await visit('Attack');
    await page.getByRole('link', { name: 'Part of the crash matrix' }).click();
    await button('Stop').click();
    const stopped = await page
      .getByText(/^Stopped: [1-5] of 6 attacks\.$/)
      .innerText({ timeout: SET_UP_LIMIT_MS });
    const all = Number(/\d/.exec(stopped)?.[0]) + 1;
    await fillNumber(page, 'Seeds', all);
    await button('Start the matrix').click();
    await page.getByText(`Done: ${all} of ${all} attacks.`).waitFor({ timeout: SET_UP_LIMIT_MS });
    expect(await row('flush:redis').getByRole('cell').allInnerTexts()).toEqual(
      expect.arrayContaining([String(all), '0']) as string[],
    );
  });

  it('shows each attack with its run and its command, and the rare paths', async () => {
    await pressOn(button(/flush:redis/));
    const attacks = page.getByRole('list', { name: 'Attacks of flush:redis' });
    await attacks.getByText('Seed 2, native').waitFor();
    expect(await attacks.innerText()).toMatch(/attack --requests \d+ .* --fault flush:redis@\d+%/);
    expect(
      await attacks.getByRole('button', { name: /^Copy the command of flush:redis/ }).count(),
    ).toBeGreaterThan(1);
    expect(await page.getByRole('region', { name: 'Rare paths' }).innerText()).toContain('sale rebuilt');
    await noViolations('Matrix, an open fault');
    await button('Export').click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('menuitem', { name: 'Report, one HTML file' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('flashgrid-matrix.html');
    await attacks.getByRole('link', { name: /^Run of flush:redis, seed 1/ }).click();
    await page.getByRole('region', { name: 'What was proven' }).waitFor();
  });
});

describe('on a projector', () => {
  it('shows an attack on a projector on one screen, live and after its verdict, and marks what was lost', async () => {
    const sizes = [
      [1920, 1080],
      [1440, 900],
      [1280, 720],
    ] as const;
    const fits = async (when: string) => {
      for (const [width, height] of sizes) {
        await page.setViewportSize({ width, height });
        // The charts follow the window a moment later.
        await expect
          .poll(async () => [...(await page.evaluate<string[]>(SCROLLS)), ...(await cutOff(height))], {
            message: `${when}, ${width} by ${height}`,
          })
          .toEqual([]);
      }
    };
    /** Boxes that reach below the charts, where the column beside them ends, or below the window. */
    const cutOff = async (height: number) => {
      const lowerEdge = async (name: string) => {
        const box = await page.getByRole('region', { name, exact: true }).boundingBox();
        return (box?.y ?? 0) + (box?.height ?? Infinity);
      };
      const lowest = Math.min(await lowerEdge('The attack over time'), height);
      const edges = await Promise.all(['Safe transactions', 'Queue'].map(lowerEdge));
      return edges.filter((edge) => edge > lowest + 1);
    };
    await launch({ perSec: 200, forSec: 10 });
    await page.keyboard.press('p');
    await button('Break it').click();
    await page.getByRole('menuitem', { name: 'Worker', exact: true }).click();
    await page.getByRole('menuitem', { name: /^Kill/ }).click();
    await button('Kill worker-1').click();
    await page.locator('svg text', { hasText: 'worker-1 back' }).first().waitFor({ state: 'attached' });
    await fits('live');
    await page.getByRole('link', { name: 'Full record' }).waitFor({ timeout: SET_UP_LIMIT_MS });
    await fits('after the verdict');
    for (const mark of ['worker-1 killed', 'worker-1 back'])
      expect(await page.locator('svg text', { hasText: mark }).count(), mark).toBe(1);
    await noViolations('Attack, on one screen');
    await page.keyboard.press('p');
    await page.setViewportSize({ width: 1440, height: 900 });
  });
});

describe('the form of an attack', () => {
  it('takes the adapter of another shop, and tells before the attack what can not be judged', async () => {
    await openForm();
    await button('Another shop').click();
    const adapter = page.getByLabel('Adapter of the shop');
    await adapter.fill(shopAdapter.replace('"url"', '"urk"'));
    await page.getByText(/^adapter\.json: .*has no field "urk"/).waitFor();
    await page.locator('input[type=file][accept^=".json"]').setInputFiles({
      name: 'shop.json',
      mimeType: 'application/json',
      buffer: Buffer.from(shopAdapter),
    });
    await page.getByText('An adapter has no data of queues.').waitFor();
    await noViolations('Attack, another shop');
    await button('Launch attack').click();
    await page.getByText(/^Not launched yet: shop: shop\.py, http/).waitFor();
    await button('Back to FlashGrid’s own shop').click();
  });

  it('makes several attacks, and tells what came of them', async () => {
    await button('Several attacks, or the limit').click();
    await page.getByText('Find the limit', { exact: true }).click();
    await page.getByText('It needs a threshold that can break, such as p99<50ms.').waitFor();
    await noViolations('Attack, the search for the limit');
    await page.getByText('Two set-ups in turn', { exact: true }).click();
    await page.getByLabel('What differs in set-up B').fill('--requests 200');
    await page.getByText('All at once', { exact: true }).click();
    await fillNumber(page, 'Requests', 100);
    await fillNumber(page, 'Connections at once', 10);
    await fillNumber(page, 'Attacks of each set-up', 2);
    await button('Launch attacks').click();
    const panel = page.getByRole('region', { name: 'Two set-ups in turn' });
    await panel.getByText('4 runs: 4 PASS.').waitFor({ timeout: 2 * SET_UP_LIMIT_MS });
    await panel.getByText('4 attacks', { exact: true }).click();
    expect((await panel.getByRole('rowheader').allInnerTexts()).map((text) => text.trim())).toEqual([
      ...['A', 'B', 'B', 'A'],
    ]);
    await noViolations('Attack, after several');
    await panel.getByRole('link', { name: 'Compare the runs' }).click();
    await page.getByRole('region', { name: 'Side by side' }).waitFor();
  });
});

describe('for everybody', () => {
  beforeAll(failARun, 2 * SET_UP_LIMIT_MS);

  for (const viewport of [
    { width: 1440, height: 900 },
    { width: 1024, height: 700 },
  ])
    for (const theme of ['dark', 'light'] as const)
      it(`breaks no rule of accessibility on any page, ${theme} at ${viewport.width} pixels`, async () => {
        await page.setViewportSize(viewport);
        await wear(page, theme);
        for (const name of PAGES.map((name) => PAGE_TITLES[name])) {
          await open(name);
          await noViolations(name);
        }
        await openRun();
        await noViolations('Run');
        await page.setViewportSize({ width: 1440, height: 900 });
      });

  it('compares a ticked run with the baseline, breaks no rule there, and exports it', async () => {
    await open('Runs');
    await page.getByRole('region', { name: 'History' }).getByRole('checkbox').first().check();
    await button('Make it the baseline').click();
    await page.getByText('The baseline is 1 run.').waitFor();
    await noViolations('Runs, one of them ticked');
    await page.getByRole('link', { name: 'Compare with the baseline' }).click();
    const figures = page.getByRole('region', { name: 'Side by side', exact: true });
    await figures.getByRole('row').nth(8).waitFor();
    expect(await page.getByRole('region', { name: 'Table of the runs' }).getByRole('row').count()).toBe(3);
    await noViolations('Comparison');
    expect(await page.evaluate(OVERFLOWS)).toEqual([]);
    await button('Export').click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('menuitem', { name: 'Report, one HTML file' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('flashgrid-comparison.html');
  });

  it('breaks none in projector mode either', async () => {
    const size = () =>
      page.evaluate('parseFloat(getComputedStyle(document.documentElement).fontSize)').then(Number);
    const before = await size();
    await page.keyboard.press('p');
    await expect.poll(size).toBeGreaterThan(before);
    for (const name of ['Control', 'Attack', 'Matrix', 'Lab', 'Race', 'Settings', 'Help']) {
      await open(name);
      await noViolations(`${name}, projector mode`);
    }
    await page.keyboard.press('p');
    await expect.poll(size).toBe(before);
  });

  it.each([
    [1440, 900],
    [1280, 720],
    [1024, 700],
    [720, 540],
  ])('fits every page into a window of %i by %i, in projector mode too', async (width, height) => {
    await page.setViewportSize({ width, height });
    for (const isProjected of [false, true]) {
      if (isProjected) await page.keyboard.press('p');
      for (const name of ['Control', 'Attack', 'Matrix', 'Lab', 'Race', 'Runs', 'Logs', 'Settings', 'Help']) {
        await open(name);
        expect(await page.evaluate(OVERFLOWS), `${name}${isProjected ? ', projector mode' : ''}`).toEqual([]);
      }
      await openRun();
      expect(await page.evaluate(OVERFLOWS), `Run${isProjected ? ', projector mode' : ''}`).toEqual([]);
    }
    await page.keyboard.press('p');
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  it('replays a run from its record: the same figures at every moment, with the keyboard alone', async () => {
    await openRun();
    const runId = /run-\w+/.exec(runUrl)?.[0] ?? '';
    const text = await readFile(join(frontend.dataDir, 'runs', `${runId}.json`), 'utf8');
    const { series } = runRecordSchema.parse(JSON.parse(text));
    const charts = page.getByRole('region', { name: 'The attack over time' });
    const scrubber = charts.getByRole('slider', { name: 'Moment of the run' });
    await scrubber.focus();
    await page.keyboard.press('Home');
    for (let places = 0; places < 4; places++) {
      for (let steps = 0; steps < 9; steps++) await page.keyboard.press('ArrowRight');
      const tMs = Number(await scrubber.inputValue());
      const known = series.filter((row) => row.tMs <= tMs);
      const sum = (key: 'sent' | 'granted') => known.reduce((total, row) => total + row[key], 0);
      const figures = await factsOf(page, 'The attack over time');
      expect(figures, `${tMs} ms`).toMatchObject({
        sent: whole(sum('sent')),
        granted: whole(sum('granted')),
        'queue depth': whole(known.at(-1)?.queueDepth ?? 0),
        'tickets left': whole(known.at(-1)?.remaining ?? STOCK),
      });
      await page.keyboard.press('PageUp');
    }
    await noViolations('Run, replayed');
    await page.keyboard.press('Home');
    await charts.getByText('1/10×').click();
    await scrubber.focus();
    await page.keyboard.press('r');
    await expect.poll(async () => Number(await scrubber.inputValue())).toBeGreaterThan(0);
    await button('Pause').waitFor();
    await page.keyboard.press('End');
    await button('Replay').waitFor();
    expect(await factsOf(page, 'The attack over time')).toEqual({});
  });

  it('shows what contradicts itself where a check failed, in two lanes, and folds it away by key', async () => {
    // Here the checks have the width of the page; in a narrow place each event tells its lane instead.
    await page.setViewportSize({ width: 1024, height: 700 });
    await openRun();
    for (const name of ['Unit 1 was sold twice.', 'A reservation owns another ticket than was granted.']) {
      const witness = page.getByRole('table', { name });
      await expect
        .poll(() => witness.getByRole('cell', { name: /Unit 1 belongs to/ }).count())
        .toBeGreaterThan(0);
    }
    const witness = page.getByRole('table', {
      name: 'A ticket is in another buyer’s name than its reservation.',
    });
    expect(await witness.getByRole('columnheader').allInnerTexts()).toEqual([
      'Time',
      'What buyers asked for',
      'What the backends hold',
    ]);
    expect(await witness.getByRole('cell', { name: /belongs to thief/ }).count()).toBe(1);
    // Both the buyer's answer and the row have a time.
    const times = await witness.getByRole('rowheader').allInnerTexts();
    expect(times.filter((time) => /^\+[\d,.]+ ms$/.test(time))).toHaveLength(2);
    await pressOn(page.locator('summary', { hasText: 'really sent' }));
    await witness.waitFor({ state: 'hidden' });
    await pressOn(page.locator('summary', { hasText: 'really sent' }));
    await witness.waitFor();
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  it('finds what is planted: a button without a name', async () => {
    await openRun();
    await page
      .getByRole('main')
      .evaluate((main) => main.insertAdjacentHTML('beforeend', '<button></button>'));
    expect((await findViolations(page)).map(({ id }) => id)).toContain('button-name');
  });
});
