/** What others read of a run: every format has the same totals, and passes for what it claims to be. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fixtureParts, fixtureRun } from '../../tests/support/run-fixture.ts';
import { TOTALS_OF, suiteOf, totalsOfRecord } from '../../tests/support/run-totals.ts';
import { buildRunRecord } from '../runs/build-run-record.ts';
import { upgradeRunRecord, type RunRecord } from '../../contract/run-record.ts';
import { exportCsv } from './export-csv.ts';
import { exportHtml } from './export-html.ts';
import { exportJson } from './export-json.ts';
import { exportJunit } from './export-junit.ts';
import { exportMarkdown } from './export-markdown.ts';

const HOSTILE = 'a\ud800<b>|`*_[x](y)@me & "c"\uffff\u0000 https://x.invalid';

/** A run that lost answers and sold a ticket that nobody asked for. */
function failedRun(): RunRecord {
  const { load, ...parts } = fixtureParts(undefined, (world) => {
    world.tickets.push({ unit: 21, reservationId: 'audited.phantom1-0.0', userId: HOSTILE });
  });
  return buildRunRecord({ ...parts, load: { ...load, accepted: 8_765, rejected: 1_111, unknown: 124 } });
}

/** A run whose attack was one second long, and met nobody. */
const silentRun = () =>
  fixtureRun({
    load: { ...fixtureParts().load, sent: 0, accepted: 0, rps: 0, statusCounts: {} },
    series: [],
  });

const schema = z
  .record(z.string(), z.unknown())
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, '../../docs/run-record.schema.json'), 'utf8')));

describe.each([
  ['passed', fixtureRun],
  ['failed', failedRun],
  ['sent nothing', silentRun],
])('of a run that %s', (_, make) => {
  const record = make();
  const formats = {
    json: exportJson(record),
    csv: exportCsv(record),
    html: exportHtml(record),
    md: exportMarkdown(record),
    junit: exportJunit(record),
  };

  it.each(Object.keys(formats) as (keyof typeof formats)[])(
    '%s has the totals of the record',
    async (format) => {
      const told = await TOTALS_OF[format](formats[format]);
      expect(told).toEqual(totalsOfRecord(record));
      const [sent, ...parts] = ['sent', 'accepted', 'rejected', 'unknown'].map(
        (key) => told[`load.${key}`] ?? NaN,
      );
      expect(parts.reduce((sum, part) => sum + part, 0)).toBe(sent);
    },
  );

  it('the JSON fits the published JSON Schema, for a validator that is not ours', () => {
    const validate = new Ajv2020().compile(schema);
    expect([validate(JSON.parse(formats.json)), validate.errors]).toEqual([true, null]);
    expect(validate({ ...record, audit: { ...record.audit, sold: -1 } })).toBe(false);
    expect(validate({ ...record, load: undefined })).toBe(false);
  });

  it('the JUnit has a test case for each check and one for the verdict, for a parser that is not ours', async () => {
    const { testcase: cases = [], ...suite } = await suiteOf(formats.junit);
    const { checks } = record.audit;
    expect(cases.map(({ name }) => name)).toEqual([...checks.map(({ title }) => title), 'Verdict']);
    const failed = [...checks.map(({ ok }) => !ok), record.verdict === 'fail'];
    expect(cases.map(({ failure }) => failure !== undefined)).toEqual(failed);
    expect(cases.at(-1)?.error !== undefined).toBe(record.verdict === 'invalid');
    expect(suite.failures).toBe(failed.filter(Boolean).length);
    expect(suite.tests).toBe(checks.length + 1);
  });
});

it('a record of format 1 fits the JSON Schema once it is opened', () => {
  const { load, series, environment, ...rest } = fixtureRun();
  const { accepted: acknowledged, rejected: refused, ...load1 } = load;
  const { backends: engines, ...environment1 } = environment;
  const old = {
    ...rest,
    schema: 'flashgrid.run/1',
    load: { ...load1, acknowledged, refused },
    environment: { ...environment1, engines },
    series: series.map(({ accepted, rejected, refused: refusedByWorker, ...sample }) => ({
      ...sample,
      acknowledged: accepted,
      refused: rejected,
      refusedByWorker,
    })),
  };
  const validate = new Ajv2020().compile(schema);
  expect(validate(old)).toBe(false);
  expect([validate(upgradeRunRecord(old)), validate.errors]).toEqual([true, null]);
});

describe('the JUnit export', () => {
  it('keeps what buyers chose, as text, and what XML can not write as a sign', async () => {
    const text = exportJunit(failedRun());
    const { testcase = [] } = await suiteOf(text);
    const bodies = testcase.flatMap(({ failure = [] }) => failure.map(({ inner }) => inner ?? ''));
    expect(bodies.join('\n')).toContain('buyer a\ufffd<b>|`*_[x](y)@me & "c"\ufffd\ufffd https://x.invalid');
    expect(bodies.join('\n')).toContain('Witness: A ticket exists that nobody asked for.');
  });

  it('has a test case for each threshold, red where it was missed', async () => {
    const parts = fixtureParts({ slo: 'p99<100ms unknown==0', profile: 'burst' });
    const { testcase = [] } = await suiteOf(exportJunit(buildRunRecord(parts)));
    const [missed, held, verdict] = testcase.slice(-3);
    expect(missed).toMatchObject({ name: 'Threshold p99<100ms', failure: [expect.anything()] });
    expect(missed?.failure?.[0]?.message).toContain('143 ms');
    expect(held).toMatchObject({ name: 'Threshold unknown==0' });
    expect(held?.failure).toBeUndefined();
    expect(verdict).toMatchObject({ name: 'Verdict', failure: [expect.anything()] });
  });

  it('makes an error, not a failure, of what nothing was decided about', async () => {
    const record = fixtureRun({ end: 'cancelled', endReason: 'Why.' });
    const { failures, errors } = await suiteOf(exportJunit(record));
    expect([failures, errors]).toEqual([0, 1]);
  });
});

describe('the Markdown export', () => {
  it('tells the verdict first, and the contradiction of each failed check', () => {
    const lines = exportMarkdown(failedRun()).split('\n');
    expect(lines[0]).toBe('## ❌ FAIL: 10,000 buyers, 20 tickets');
    expect(lines).toContain('| oversold | 1 |');
    expect(lines.join('\n')).toContain('Witness: A ticket exists that nobody asked for.');
  });

  it('lets no markup, link or mention of a buyer through, and no table break', () => {
    const text = exportMarkdown(failedRun());
    expect(text).not.toMatch(/<b>|@me|https:\/\/|(?<!\\)\[x/);
    const checks = text.split('\n').filter((line) => /^\| [✅❌]/u.test(line));
    expect(checks).toHaveLength(9);
    for (const line of checks) expect(line.match(/(?<!\\)\|/g)).toHaveLength(4);
  });
});
