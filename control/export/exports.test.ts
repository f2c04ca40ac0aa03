import { describe, expect, it } from 'vitest';
import { fixtureParts, fixtureRun } from '../../tests/support/run-fixture.ts';
import { buildRunRecord } from '../runs/build-run-record.ts';
import { exportCsv } from './export-csv.ts';
import { exportHtml } from './export-html.ts';
import { exportRun } from './export-run.ts';
import { formatRun } from './export-terminal.ts';
import { escapeText, html } from '../../contract/charts/markup.ts';
import { niceTicks } from '../../contract/charts/scale.ts';
import { runRecordSchema, type RunRecord } from '../../contract/run-record.ts';

const HOSTILE = `<script>alert("1")</script><img src=x onerror='y'>&`;

/** A failed run whose offenders and ids hold whatever could do harm. */
function hostileRun(userId = HOSTILE) {
  const record = buildRunRecord(
    fixtureParts(undefined, (world) => {
      world.tickets.push({ unit: 21, reservationId: 'audited.phantom1-0.0', userId });
    }),
  );
  return { ...record, environment: { ...record.environment, cpu: userId }, saleId: userId };
}

/** As a version before witnesses wrote it. */
function withoutWitness({ audit, ...rest }: RunRecord): unknown {
  const checks = audit.checks.map(({ evidence: { summary, counts, offenders }, ...check }) => ({
    ...check,
    evidence: { summary, counts, offenders },
  }));
  return { ...rest, audit: { ...audit, checks } };
}

/** A small RFC 4180 reader, so that the writer is not tested by itself. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (let at = 0; at < text.length;) {
    let field = '';
    if (text[at] === '"') {
      for (at++; text[at] !== '"' || text[at + 1] === '"'; at++) {
        if (text[at] === '"') at++;
        field += text[at];
      }
      at++;
    } else for (; text[at] !== ',' && text[at] !== '\r'; at++) field += text[at];
    row.push(field);
    if (text.startsWith('\r\n', at)) {
      rows.push(row);
      row = [];
      at += 2;
    } else if (text[at] === ',') at++;
    else throw new Error(`neither comma nor CRLF at ${at}`);
  }
  return rows;
}

describe('the JSON export', () => {
  it('is the record itself', async () => {
    const record = fixtureRun();
    const { text, fileName, mediaType } = await exportRun(record, 'json', {
      evidence: { read: () => Promise.reject(new Error('none')) },
      openTab: () => Promise.reject(new Error('none')),
    });
    expect(runRecordSchema.parse(JSON.parse(text))).toEqual(record);
    expect({ fileName, mediaType }).toEqual({
      fileName: 'flashgrid-run-mabc123.json',
      mediaType: 'application/json',
    });
  });
});

describe('the CSV export', () => {
  it('has as many fields in each line, the series and the figures of the record', () => {
    const record = fixtureRun();
    const rows = parseCsv(exportCsv(record));
    expect(new Set(rows.map((row) => row.length)).size).toBe(1);
    const summary = new Map(
      rows.filter(([section]) => section === 'summary').map(([, name, value]) => [name, value]),
    );
    expect(summary.get('verdict')).toBe('PASS');
    expect(summary.get('audit.sold')).toBe('20');
    expect(summary.get('load.latencyMs.p99')).toBe('142.8');
    expect(rows.filter(([section]) => section === 'check')).toHaveLength(9);
    const header = rows.find(([, name]) => name === 'tMs') ?? [];
    const series = rows.filter(([section]) => section === 'series');
    const sumOf = (column: string) =>
      series.reduce((total, row) => total + Number(row[header.indexOf(column)]), 0);
    expect(series).toHaveLength(record.series.length);
    expect(sumOf('accepted')).toBe(record.load.accepted);
    expect(sumOf('granted')).toBe(record.audit.granted);
    const heat = rows.filter(([section]) => section === 'heat');
    expect(heat.reduce((total, [, , , answers]) => total + Number(answers), 0)).toBe(record.load.accepted);
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1'])(
    'writes %j so that no spreadsheet takes it for a formula',
    (text) => {
      const cells = parseCsv(exportCsv(hostileRun(text))).flat();
      expect(cells).toContain(`'${text}`);
      expect(cells).not.toContain(text);
    },
  );

  it('keeps quotes, commas and line feeds within their field', () => {
    const text = 'a "quoted", text\r\nof two lines';
    expect(parseCsv(exportCsv(hostileRun(text))).flat()).toContain(text);
  });
});

describe('the HTML export', () => {
  it('shows verdict, figures, every check with its evidence, and nine charts', () => {
    const text = exportHtml(fixtureRun());
    expect(text).toMatch(/^<!doctype html>/);
    expect(text).toMatch(/<h1>PASS<\/h1>/);
    for (const part of [
      '12,180',
      '61.2 ms',
      '143 ms',
      'All 20 units were sold.',
      '15.18',
      'A processor of the year 2026',
    ])
      expect(text).toContain(part);
    expect(text.match(/<details/g)).toHaveLength(9);
    expect(text.match(/<svg viewBox="0 0 640 250"/g)).toHaveLength(9);
  });

  it('draws the crowd above its answers, in steps, and ends with the last thing that happened', () => {
    const { series } = fixtureRun();
    const still = { sent: 0, accepted: 0, rejected: 0, unknown: 0, rps: 0, queueDepth: 0, unconfirmed: 0 };
    const audited = { ...series.at(-1), ...still, granted: 0, refused: 0, committed: 0, tMs: 3_000 };
    const text = exportHtml(fixtureRun({ series: [...series, audited as (typeof series)[number]] }));
    expect(text.indexOf('id="arrivals"')).toBeGreaterThan(0);
    expect(text.indexOf('id="arrivals"')).toBeLessThan(text.indexOf('id="traffic"'));
    const chart = text.slice(text.indexOf('id="arrivals"'), text.indexOf('id="together"'));
    expect(chart).toContain('sent in 20 ms <b>at most 340</b>');
    expect(chart).toContain('in flight <b>at most 0</b>');
    expect(chart).toContain('>1000 ms<');
    expect(chart).not.toContain('3 s');
    // Level over each of the ten intervals: as many points with the same height as with another one.
    const [, line = ''] = /class="line orange" d="([^"]+)"/.exec(chart.replaceAll(/\s+/g, ' ')) ?? [];
    const heights = line
      .split(/[ML]/)
      .filter(Boolean)
      .map((point) => point.split(' ')[1]);
    expect(heights).toHaveLength(20);
    expect(heights.every((height, at) => height === heights[at - (at % 2)])).toBe(true);
  });

  it('marks the moment of a fault in the eight charts over time, and nothing where none was', () => {
    const marks = (run: ReturnType<typeof fixtureRun>) =>
      exportHtml(run).match(/>workers killed<\/text/g)?.length ?? 0;
    expect(marks(fixtureRun())).toBe(0);
    expect(
      marks({
        ...fixtureRun(),
        faults: [
          {
            fault: 'kill:workers@25%',
            target: 'workers',
            tMs: 300,
            effect: 'They were killed.',
            hadEffect: true,
          },
        ],
      }),
    ).toBe(8);
  });

  it('draws a fault that lasts as a band in all eight, and tells each fault once, in a table', () => {
    const faults = [
      {
        fault: 'pause:redis@300ms+200ms',
        target: 'redis',
        tMs: 300,
        endMs: 500,
        effect: 'Redis stood still for 0.2 s.',
        hadEffect: true,
      },
      {
        fault: 'kill:worker@9s',
        target: 'worker',
        effect: 'Its moment never came.',
        hadEffect: false,
      },
    ];
    const text = exportHtml({ ...fixtureRun(), faults });
    expect(text.match(/class="band"/g)).toHaveLength(8);
    const [table = ''] = /<div class="card faults">[\s\S]*?<\/table>/.exec(text) ?? [];
    const cells = [...table.matchAll(/<t[hd][^>]*>([\s\S]*?)<\/t[hd]>/g)].map(([, cell = '']) =>
      cell.replace(/<[^>]+>/g, '').trim(),
    );
    expect(cells.slice(4)).toEqual([
      '0.3 s to 0.5 s',
      'Redis paused for 200 ms pause:redis@300ms+200ms',
      'Redis stood still for 0.2 s.',
      'yes',
      'never',
      'worker killed kill:worker@9s',
      'Its moment never came.',
      'no',
    ]);
    expect(text.match(/Redis stood still for 0\.2 s\./g)).toHaveLength(1);
    expect(exportHtml(fixtureRun())).not.toMatch(/class="(?:band|card faults)"/);
    // Exports without a table tell them in their notes.
    for (const other of [exportCsv, (run: RunRecord) => formatRun(run, { color: false, width: 400 })])
      expect(other({ ...fixtureRun(), faults })).toContain('Redis stood still for 0.2 s.');
    const { reasons } = buildRunRecord({ ...fixtureParts(), faults });
    expect(reasons).toContain('Fault without effect: kill:worker@9s. Its moment never came.');
    const shown = formatRun({ ...fixtureRun(), faults, reasons }, { color: false, width: 400 });
    expect(shown.match(/Its moment never came\./g)).toHaveLength(1);
  });

  it('needs no network and runs no script', () => {
    const text = exportHtml(fixtureRun());
    expect(text).toContain('content="default-src &#39;none&#39;;');
    expect(text).not.toMatch(/<script|<link|<iframe|javascript:|\son\w+=|@import|url\(|https?:\/\//i);
  });

  it('escapes whatever buyers, machines and backends are called', () => {
    const text = exportHtml(hostileRun());
    expect(text).not.toMatch(/<script|<img/);
    expect(text).toContain(
      '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&lt;img src=x onerror=&#39;y&#39;&gt;&amp;',
    );
  });

  it('opens the failed checks and names the offenders', () => {
    const text = exportHtml(hostileRun('thief'));
    expect(text).toMatch(/<h1>FAIL<\/h1>/);
    expect(text.match(/<details class="no"\s+open>/g)?.length).toBe(
      hostileRun('thief').audit.checks.filter((check) => !check.ok).length,
    );
    expect(text).toContain('audited.phantom1-0.0 (unit 21, buyer thief)');
  });

  it('shows the witness of each failed check in two lanes, and none for a record without', () => {
    const record = hostileRun('thief');
    const failed = record.audit.checks.filter((check) => !check.ok).length;
    const text = exportHtml(record);
    expect(text.match(/<table class="witness">/g)).toHaveLength(failed);
    expect(text).toMatch(
      /<th scope="row">time not known<\/th>\s*<td><\/td>\s*<td class="event"><b>Row in Postgres/,
    );
    expect(text).toContain('Unit 21 was sold, which is not in stock.');
    expect(exportHtml(fixtureRun())).not.toContain('<table class="witness">');
    const old = runRecordSchema.parse(withoutWitness(record));
    expect(exportHtml(old)).toMatch(/<h1>FAIL<\/h1>/);
    expect(exportHtml(old)).not.toContain('<table class="witness">');
  });

  it('leaves a gap in the latencies where nobody was answered, instead of a zero', () => {
    const record = fixtureRun();
    const series = Array.from({ length: 6 }, (_, at) => ({
      ...(record.series[0] ?? ({} as never)),
      tMs: (at + 1) * 100,
      p50Ms: 10,
      p99Ms: 20,
    }));
    const lines = (answered: (at: number) => boolean) =>
      exportHtml({
        ...record,
        series: series.map((each, at) => (answered(at) ? each : { ...each, accepted: 0, rejected: 0 })),
      }).match(/M[\d.]+ /g)?.length ?? 0;
    expect(lines((at) => at < 2 || at > 3)).toBeGreaterThan(lines(() => true));
  });

  it('draws finite coordinates whatever the series holds', () => {
    const record = fixtureRun();
    const [sample] = record.series;
    const quiet = record.series.map((each) => ({
      ...each,
      accepted: 0,
      p50Ms: 0,
      p99Ms: 0,
      queueDepth: 0,
    }));
    const many = Array.from({ length: 5_000 }, (_, at) => ({ ...(sample ?? quiet[0]), tMs: (at + 1) * 100 }));
    for (const series of [[], record.series.slice(0, 1), quiet, many]) {
      const parsed = runRecordSchema.parse({ ...record, series });
      const text = exportHtml(parsed);
      expect(text).not.toMatch(/NaN|Infinity|undefined/);
      // However long the run was, the file stays small.
      expect(text.length).toBeLessThan(200_000);
    }
    expect(exportHtml({ ...record, series: [] }).match(/No samples were taken/g)).toHaveLength(7);
  });
});

describe('markup', () => {
  it('escapes every value but markup itself', () => {
    const inner = html`<b>${'<'}</b>`;
    expect(html`<i title="${'"'}">${inner}${[inner]}${3}</i>`.text).toBe(
      '<i title="&quot;"><b>&lt;</b><b>&lt;</b>3</i>',
    );
    expect(escapeText('a\u0000b\nc')).toBe('a\ufffdb\nc');
  });
});

describe('axes', () => {
  it.each([
    [17_000, 4, false, [0, 5_000, 10_000, 15_000, 20_000]],
    [20, 4, true, [0, 5, 10, 15, 20]],
    [1, 4, true, [0, 1]],
    [0.9, 4, false, [0, 0.25, 0.5, 0.75, 1]],
    [0, 4, false, [0, 1]],
  ])('reach %d in round steps', (highest, count, isWhole, ticks) => {
    expect(niceTicks(highest, count, isWhole)).toEqual(ticks);
  });
});

describe('the terminal table', () => {
  it('shows load, every check and the verdict, without colours when none are asked for', () => {
    const text = formatRun(fixtureRun(), { color: false });
    expect(text).not.toContain('\x1b');
    expect(text.match(/✓/g)).toHaveLength(9);
    expect(text).toMatch(/Sent +10,000 +Requests\/s +12,180 +p50 +61\.2 ms/);
    expect(text).toMatch(/Sold +20 .*Duplicated +0/);
    expect(text).toMatch(/^PASS {2}20 tickets, 20 owners\. Exactly\./m);
  });

  it('marks what failed, names offenders and gives the reasons', () => {
    const text = formatRun(hostileRun('thief'), { color: false });
    expect(text).toContain('✗ Nothing was sold that was not in stock, and nothing twice');
    expect(text).toContain('(unit 21, buyer thief)');
    expect(text).toMatch(
      /^FAIL {2}The engine broke a promise\. 21 of 20 tickets sold; \d of 9 checks failed\./m,
    );
    expect(text).toMatch(/^ {2}- Not proven: /m);
  });

  it('shows the witness of a failed check as two lanes, which fit 80 columns', () => {
    const lines = formatRun(hostileRun('thief'), { color: false, width: 80 }).split('\n');
    const start = lines.findIndex((line) => line.includes('Witness: A ticket exists that nobody asked for.'));
    expect(lines.slice(start + 1, start + 7)).toEqual([
      '                   What buyers asked for         │ What the backends hold',
      '    at the audit   Not found: Buyer thief sent   │',
      '                   no request.                   │',
      '    time not known                               │ Row in Postgres: Unit 21',
      '                                                 │ belongs to thief, reservation',
      '                                                 │ audited.phantom1-0.0.',
    ]);
    expect(formatRun(fixtureRun(), { color: false })).not.toContain('Witness');
  });

  it.each([40, 80, 120])('keeps a witness within %i columns, whatever names it holds', (width) => {
    const text = formatRun(hostileRun('x'.repeat(300)), { color: false, width });
    const from = text.indexOf('Witness: A ticket exists');
    const lines = text.slice(from, text.indexOf('✗', from)).split('\n');
    expect(lines.length).toBeGreaterThan(4);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
  });

  it('is the same text with colours', () => {
    const run = hostileRun('thief');
    const colored = formatRun(run, { color: true });
    expect(colored).toContain('\x1b[31;1mFAIL\x1b[0m');
    expect(colored.replace(/\x1b\[[\d;]*m/g, '')).toBe(formatRun(run, { color: false }));
  });

  it('keeps within the width, but for words that are longer', () => {
    const lines = formatRun(hostileRun('thief'), { color: false, width: 80 }).split('\n');
    expect(lines.filter((line) => line.length > 80 && line.includes('Not proven'))).toEqual([]);
    expect(
      Math.max(...lines.filter((line) => line.startsWith('    ')).map((line) => line.length)),
    ).toBeLessThanOrEqual(80);
  });

  it('lets no control character of an id reach the terminal', () => {
    const text = formatRun(hostileRun('a\x1b[2Jb\u202ec'), { color: false });
    expect(text).not.toMatch(/[\x1b\u202e]/u);
    expect(text).toContain('buyer a?[2Jb?c');
  });
});
