/**
 * One word for each thing in every text that a person reads: *accepted* (202), *rejected* by the gateway, *granted*, *refused* by the
 * worker. The sources of all frontends are read, comments left out.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixtureParts } from '../support/run-fixture.ts';
import { buildRunRecord } from '../../control/runs/build-run-record.ts';
import { exportCsv } from '../../control/export/export-csv.ts';
import { exportHtml } from '../../control/export/export-html.ts';
import { exportJunit } from '../../control/export/export-junit.ts';
import { exportMarkdown } from '../../control/export/export-markdown.ts';
import { formatRun } from '../../control/export/export-terminal.ts';
import type { Load, RunRecord } from '../../contract/run-record.ts';

const root = join(import.meta.dirname, '../..');
const files = ['contract', 'control', 'electron', 'cli', 'web', 'renderer', 'services', 'docs', 'README.md']
  .flatMap((top) =>
    top.endsWith('.md')
      ? [top]
      : readdirSync(join(root, top), { recursive: true, encoding: 'utf8' }).map((name) => join(top, name)),
  )
  .filter((name) => /\.(?:tsx?|md)$/.test(name) && !/\.test\.tsx?$/.test(name));

const withoutComments = (text: string) =>
  text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');

const FORBIDDEN: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['a “clear no”', /clear\s+[“"']?no\b/i],
  ['refused by the gateway', /refused (?:at the door|by the gateway)|gateway refuse[sd]?\b/i],
  ['turned away', /turn(?:ed)? (?:them )?away/i],
  ['a place in line', /place in line|kept in line|get in line/i],
  ['the door, for the gateway', /at the door/i],
  ['decimal bytes', /\d\s+GB\b|\}\s+[MG]B\b|'[kMG]B'/],
];

describe('no text of a frontend', () => {
  it.each(FORBIDDEN)('says: %s', (_, pattern) => {
    const found = files.filter((name) =>
      pattern.test(withoutComments(readFileSync(join(root, name), 'utf8'))),
    );
    expect(found).toEqual([]);
  });
});

describe('services, Lua scripts and Docker files', () => {
  const sources = ['services', 'lua', 'docker'].flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(?:ts|lua|yaml|conf|cfg|example)$/.test(name) && !name.endsWith('.test.ts'))
      .map((name) => join(top, name)),
  );
  const DATED = /\b(?:parted by|nought|anew|acknowledged|whoever|earlier li(?:fe|ves)|one door|carriers?)\b/i;

  it('use the words of the glossary, in comments too', () => {
    expect(sources.length).toBeGreaterThan(80);
    const found = sources.filter((name) => DATED.test(readFileSync(join(root, name), 'utf8')));
    expect(found).toEqual([]);
  });
});

describe('every export of one run', () => {
  const load: Load = {
    ...fixtureParts().load,
    accepted: 9_000,
    rejected: 873,
    unknown: 127,
    causes: { '503 broker-away': 873, '503 unconfirmed': 127 },
  };
  const incidents = [
    { tMs: 400, part: 'machine', kind: 'paused', lengthMs: 6_000, text: 'It stood still.' },
  ] as const;
  const coverage = { frameNacked: 1_200, ackLost: 3 };
  const record = buildRunRecord({ ...fixtureParts(), load, incidents: [...incidents], coverage });
  const terminal = (one: RunRecord) => formatRun(one, { color: false });
  const texts = {
    terminal: terminal(record).replaceAll(/\s+/g, ' '),
    html: exportHtml(record).replaceAll(/\s+/g, ' '),
    csv: exportCsv(record),
    md: exportMarkdown(record),
    junit: exportJunit(record),
  };

  it.each(Object.keys(texts) as (keyof typeof texts)[])('tells causes and pauses: %s', (frontend) => {
    expect(texts[frontend]).toContain('At 0.4 s: It stood still.');
    expect(texts[frontend]).toContain(
      '873 rejected, RabbitMQ is away (503), 127 unconfirmed by RabbitMQ in time (503)',
    );
  });

  it('says in so many words that the speed verdict is withheld, and why; so does one of an earlier version', () => {
    const generator = { ...load.generator, limits: ['It was the limit.'] };
    const { speed, ...old } = buildRunRecord({ ...fixtureParts(), load: { ...load, generator } });
    expect(speed?.withheld).toEqual(generator.limits);
    for (const one of [{ ...old, speed }, old])
      for (const format of [exportHtml, exportCsv, exportMarkdown, exportJunit, terminal])
        expect(format(one).replaceAll(/\s+/g, ' ')).toMatch(
          /The speed verdict is withheld: load generator or machine was the limit.* It was the limit\./,
        );
    for (const format of [exportHtml, exportCsv, exportMarkdown, exportJunit, terminal])
      expect(format(buildRunRecord(fixtureParts()))).not.toContain('verdict is withheld');
  });

  it('tells how generator and machine did', () => {
    const one = { cpuShare: 0.5, eventLoopLagP99Ms: 3, eventLoopLagMaxMs: 14 };
    const machine = {
      cores: [
        { busy: 0.93, most: 1 },
        { busy: 0.41, most: 0.7 },
      ],
      stealShare: 0.02,
      otherCores: 0.3,
      others: [{ name: 'make (process 12)', cores: 0.2 }],
    };
    const generator = { ...load.generator, each: [one, { ...one, cpuShare: 0.25 }], machine };
    const causes = { ECONNREFUSED: 3, ECONNRESET: 2, closed: 4 };
    const made = buildRunRecord({ ...fixtureParts(), load: { ...load, generator, causes } });
    for (const text of [exportHtml(made), exportMarkdown(made)].map((each) =>
      each.replaceAll(/<[^>]+>|\s+/g, ' '),
    ))
      for (const [name, value] of [
        ['Process 1: CPU', '50 %'],
        ['Process 2: event loop late', 'p99 3 ms, most 14 ms'],
        ['Connections refused', '3'],
        ['Connections reset or broken', '2'],
        ['Connections closed under a request', '4'],
        ['Cores busy (in the busiest half second)', '93 % (100 %), 41 % (70 %)'],
        ['Time stolen by the hypervisor', '2 %'],
        ['Other programs', '0.3 cores: make (process 12) 0.2'],
        ['Machine stood still', 'no'],
      ] as const)
        expect(text).toMatch(
          new RegExp(`${name.replaceAll(/[()]/g, '\\$&')}[ |]+${value.replaceAll(/[().]/g, '\\$&')}`),
        );
    for (const text of [exportCsv(made), exportJunit(made)])
      for (const name of [
        'generator.2.cpuShare',
        'machine.core.1.busy',
        'machine.stealShare',
        'machine.otherCores',
        'load.cause.ECONNREFUSED',
      ])
        expect(text).toContain(name);
  });

  it('tells latencies by outcome, the sending, and how to run it again', () => {
    const command = 'flashgrid demo --provider native --gateways 1 --workers 1';
    expect(texts.html).toMatch(/<th scope="row">accepted<\/th>\s*<td>actual<\/td>\s*<td>10,000<\/td>/);
    expect(texts.html).toContain(`<dd>${command}</dd>`);
    expect(texts.html).toMatch(/First request of every connection within<\/dt>\s*<dd>38 ms/);
    expect(texts.md).toMatch(/\| accepted \| intended \| 10,000 \|(?: [\d.]+ m?s \|){9}/);
    expect(texts.md).toContain(command);
    for (const text of [texts.csv, texts.junit]) {
      expect(text).toMatch(/load\.latencies\.answered\.intended\.p99\.99Ms\W/);
      expect(text).toContain(command);
    }
    // Records of earlier versions have none.
    const earlier = { ...load, latencies: undefined, sending: undefined };
    const old = { ...record, load: earlier, latencyHeat: undefined };
    expect(exportHtml(old)).not.toMatch(/Latency by|Latency over time/);
    expect(exportMarkdown(old)).not.toContain('send time');
  });

  it('tells the rare paths that were taken; the terminal nothing where there were none', () => {
    expect(texts.terminal).toContain('Rare paths taken: frame refused by RabbitMQ (1,200), ack lost (3).');
    expect(texts.html).toMatch(/<dt>Frame refused by RabbitMQ<\/dt>\s*<dd>1,200<\/dd>/);
    expect(texts.csv).toContain('summary,coverage.frameNacked,1200,');
    expect(texts.md).toContain('| Frame refused by RabbitMQ | 1,200 |');
    expect(texts.junit).toContain('<property name="coverage.frameNacked" value="1200" />');
    const none = { ...record, coverage: {} };
    expect(formatRun(none, { color: false })).not.toMatch(/rare path/i);
    expect(exportHtml(none).replaceAll(/\s+/g, ' ')).toMatch(
      /Rare paths<\/h3> <dl> <dt>Taken<\/dt> <dd>none<\/dd>/,
    );
  });

  it.each(Object.keys(texts) as (keyof typeof texts)[])(
    'gives no latency where there is none: %s',
    (frontend) => {
      const none = { p50: 0, p90: 0, p99: 0, p999: 0, max: 0, mean: 0 };
      const silent = { ...record, load: { ...load, latencyMs: none } };
      const text = {
        terminal: () => formatRun(silent, { color: false }),
        html: () => exportHtml({ ...silent, series: [] }),
        csv: () => exportCsv({ ...silent, series: [] }),
        md: () => exportMarkdown(silent),
        junit: () => exportJunit(silent),
      }[frontend]();
      expect(text).not.toContain('0.00 ms');
      if (frontend === 'csv') expect(text).toMatch(/load\.latencyMs\.p50,,/);
    },
  );

  it.each([
    ['cancelled', 'CANCELLED'],
    ['failed', 'NOT FINISHED'],
  ] as const)('is marked when the attack was %s', (end, word) => {
    const { audit } = fixtureParts();
    const kept = buildRunRecord({
      ...fixtureParts(),
      audit: { ...audit, checks: [] },
      end,
      endReason: 'Why.',
    });
    const told = [exportHtml, exportCsv, exportMarkdown, exportJunit].map((format) => format(kept));
    for (const text of [formatRun(kept, { color: false }), ...told]) {
      expect(text).toContain(word);
      expect(text).toContain('Why.');
    }
  });
});
