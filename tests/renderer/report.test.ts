/** What a browser makes of a run's report: opened from a file without a network, printed, and drawn. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareRuns } from '../../contract/comparison.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { exportComparisonHtml } from '../../control/export/export-comparison-html.ts';
import { exportHtml } from '../../control/export/export-html.ts';
import { exportRun } from '../../control/export/export-run.ts';
import { openChromium } from '../../control/export/print/chromium.ts';
import { buildRunRecord } from '../../control/runs/build-run-record.ts';
import { launchChromium } from '../../scripts/chromium.mjs';
import { fixtureParts, fixtureRun } from '../support/run-fixture.ts';
import { totalsOfPdf, totalsOfRecord } from '../support/run-totals.ts';
import { findViolations } from './support/axe.ts';

const runs = {
  failed: buildRunRecord(
    fixtureParts(undefined, (world) => {
      world.tickets.push({ unit: 21, reservationId: 'audited.phantom1-0.0', userId: 'thief' });
    }),
  ),
  cancelled: fixtureRun({ series: [], end: 'cancelled', endReason: 'Why.' }),
};

const few = {
  ...runs.failed,
  id: 'run-other',
  environment: { ...runs.failed.environment, workers: 3 },
};
const pages = {
  failed: () => exportHtml(runs.failed),
  cancelled: () => exportHtml(runs.cancelled),
  compared: () =>
    exportComparisonHtml(
      compareRuns(
        { name: 'before', records: [runs.failed, runs.cancelled] },
        { name: 'after', records: [few] },
      ),
      { version: '0.1.0', atMs: 0 },
    ),
};

const exportAs = async (format: 'pdf' | 'png', record: RunRecord) => {
  const { text } = await exportRun(record, format, {
    evidence: { read: () => Promise.reject(new Error('none')) },
    openTab: () => openChromium(),
  });
  return Buffer.from(text, 'base64');
};

let dir: string;
let browser: Browser;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'flashgrid-report-'));
  browser = await launchChromium();
});
afterAll(async () => {
  await browser.close();
  rmSync(dir, { recursive: true, force: true });
});

describe('the HTML report of a file', () => {
  it.each([
    ['failed', 'light', 1_440],
    ['failed', 'dark', 720],
    ['cancelled', 'dark', 1_440],
    ['compared', 'light', 720],
    ['compared', 'dark', 1_440],
  ] as const)(
    'of a run, %s, %s at %i pixels: needs no network, breaks no rule of accessibility, and is not too wide',
    async (name, colorScheme, width) => {
      const file = join(dir, `${name}.html`);
      writeFileSync(file, pages[name]());
      const viewport = { width, height: 900 };
      const context = await browser.newContext({ offline: true, colorScheme, viewport });
      const page = await context.newPage();
      const asked: string[] = [];
      page.on('request', (request) => asked.push(request.url()));
      await page.goto(pathToFileURL(file).href);
      expect(await findViolations(page)).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      expect(asked).toEqual([pathToFileURL(file).href]);
      await context.close();
    },
  );
});

describe('a browser that prints', () => {
  it('makes a PDF with the totals of the record', async () => {
    const pdf = await exportAs('pdf', runs.failed);
    expect(await totalsOfPdf(pdf)).toEqual(totalsOfRecord(runs.failed));
  });

  it('draws each chart as a PNG of its own, in one ZIP file', async () => {
    const zip = await exportAs('png', runs.failed);
    const charts = [...exportHtml(runs.failed).matchAll(/<figure class="card chart" id="([\w-]+)"/g)];
    expect(charts.length).toBeGreaterThan(4);
    const page = await browser.newPage();
    let at = 0;
    for (const [, name = ''] of charts) {
      expect(zip.toString('latin1', at, at + 4)).toBe('PK\x03\x04');
      const size = zip.readUInt32LE(at + 18);
      const start = at + 30 + zip.readUInt16LE(at + 26);
      expect(zip.toString('latin1', at + 30, start)).toBe(`${name}.png`);
      at = start + size;
      const source = `data:image/png;base64,${zip.toString('base64', start, at)}`;
      await page.setContent(`<img src="${source}">`);
      expect(await page.evaluate('document.images[0].naturalWidth')).toBeGreaterThan(1_000);
    }
    expect(zip.toString('latin1', at, at + 4)).toBe('PK\x01\x02');
    await page.close();
  });
});
