import { expect, it } from 'vitest';
import { fixtureRun } from '../../tests/support/run-fixture.ts';
import { describeVerdict } from '../../contract/verdict-text.ts';
import { runRecordSchema, type RunRecord } from '../../contract/run-record.ts';
import { judgeRun } from '../runs/build-run-record.ts';
import { exportCsv } from './export-csv.ts';
import { exportHtml } from './export-html.ts';
import { exportJunit } from './export-junit.ts';
import { exportMarkdown } from './export-markdown.ts';
import { formatRun } from './export-terminal.ts';

const WHY = 'The adapter does not say it.';

/** A run on another shop, whose adapter has no data for one check. */
function shopRun(): RunRecord {
  const run = fixtureRun();
  const checks = run.audit.checks.map((check) =>
    check.id === 'order'
      ? { ...check, ok: false, isNotJudged: true, evidence: { summary: WHY, counts: {}, offenders: [] } }
      : check,
  );
  const target = { name: 'shop.py', url: 'http://127.0.0.1:8000', file: 'my shop.json' };
  const audit = { ...run.audit, checks };
  return runRecordSchema.parse({
    ...run,
    target,
    audit,
    environment: { ...run.environment, provider: 'none' },
    ...judgeRun({ attack: run.attack, load: run.load, series: run.series, audit }),
  });
}

it('never counts a check that was not judged as passed, nor as failed', () => {
  const run = shopRun();
  expect(run).toMatchObject({ verdict: 'pass', exitCode: 0, reasons: [] });
  expect(describeVerdict(run).detail).toContain('1 check not judged: the adapter has no data for it.');
  const broken = run.audit.checks.map((check) =>
    check.id === 'conservation' ? { ...check, ok: false } : check,
  );
  const failed = { ...run, audit: { ...run.audit, checks: broken }, verdict: 'fail', exitCode: 3 } as const;
  expect(describeVerdict(failed)).toMatchObject({
    headline: 'The shop broke a promise.',
    detail: expect.stringContaining('1 of 8 checks failed. 1 check not judged') as string,
  });
});

it('is shown as not judged, with the reason, in every export', () => {
  const run = shopRun();
  expect(formatRun(run, { color: false })).toContain(`  – Not judged: First come, first served\n    ${WHY}`);
  expect(exportMarkdown(run)).toContain(`| ➖ not judged | First come, first served | ${WHY} |`);
  expect(exportCsv(run)).toContain(`check,order,false,"First come, first served",${WHY},,false,true`);
  const html = exportHtml(run);
  expect(html).toContain('aria-label="Not judged"');
  expect(html).toMatch(/>\s*Not judged: First come, first served\s*</);
  const junit = exportJunit(run);
  expect(junit).toContain('errors="0" time="');
  expect(junit).toContain('skipped="1" timestamp');
  expect(junit).toContain(`name="First come, first served" time="0"><skipped message="${WHY}">`);
});

it('names the shop that was attacked, and repeats the attack on it', () => {
  const run = shopRun();
  for (const text of [
    exportMarkdown(run),
    exportCsv(run),
    exportHtml(run),
    exportJunit(run),
    formatRun(run, { color: false }),
  ])
    expect(text).toContain('shop.py');
  expect(exportMarkdown(run)).toContain("flashgrid attack --target 'my shop.json'");
  expect(exportMarkdown(run)).not.toContain('RabbitMQ');
});

it('has no charts of queue, stock and Postgres, which nobody measured', () => {
  const ids = (run: RunRecord) =>
    exportHtml(run).match(/Throughput, queue and inventory|Kept away from Postgres/g);
  expect(ids(shopRun())).toBeNull();
  expect(ids(fixtureRun())).not.toBeNull();
});
