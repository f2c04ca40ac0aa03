import { existsSync, readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { checkState } from '../../contract/checks.ts';
import { runRecordSchema, type RunRecord, type Sample } from '../../contract/run-record.ts';
import { TOTALS_OF, totalsOfPdf, totalsOfRecord } from '../support/run-totals.ts';
import { flashgrid, survivors, temporaryDataDir } from '../support/terminal.ts';

const SMALL = ['--provider', 'native', '--requests', '2000', '--connections', '100', '--stock', '20'];
const TWO_OF_EACH = ['--gateways', '2', '--workers', '2'];
/** The usual ports of the three backends: a user's machine may have them taken. */
const USUAL_PORTS = [5432, 5672, 6379];

let dataDir: string;
let remove: () => Promise<void>;
const strangers: Server[] = [];

beforeAll(async () => {
  ({ path: dataDir, remove } = await temporaryDataDir());
  for (const port of USUAL_PORTS) {
    const server = createServer();
    // Taken by a service of the machine itself: just as good.
    await new Promise<void>((done) =>
      server.once('error', () => done()).listen(port, '127.0.0.1', () => done()),
    );
    strangers.push(server);
  }
});

afterAll(async () => {
  for (const server of strangers) server.close();
  // A test that failed between `up` and `down` must not leave its cluster to the next.
  if (survivors(dataDir).length > 0) await flashgrid(dataDir, 'down', '--reset').ended();
  await remove();
});

/** Takes traces on a free port; `end` gives what came. */
async function traceReceiver(): Promise<{ url: string; end(): string }> {
  let received = '';
  const server = createHttpServer((request, response) => {
    request.on('data', (chunk: Buffer) => (received += chunk.toString()));
    request.once('end', () => response.end('{}'));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    end: () => {
      server.closeAllConnections();
      server.close();
      return received;
    },
  };
}

function record(path: string): RunRecord {
  return runRecordSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
}

function comparison(path: string) {
  const side = z.object({ runs: z.array(z.string()), leftOut: z.array(z.unknown()) });
  const json: unknown = JSON.parse(readFileSync(path, 'utf8'));
  return z.object({ verdict: z.string(), setUp: z.array(z.unknown()), a: side, b: side }).parse(json);
}

function sum(
  run: RunRecord,
  key: 'sent' | 'accepted' | 'rejected' | 'unknown' | 'granted' | 'refused' | 'committed',
): number {
  return run.series.reduce((total: number, sample: Sample) => total + sample[key], 0);
}

describe('flashgrid demo', () => {
  it('starts everything, sells exactly the stock, proves it, writes the record and leaves nothing running', async () => {
    const json = join(dataDir, 'r.json');
    const html = join(dataDir, 'r.html');
    const evidence = join(dataDir, 'r.evidence.gz');
    const files = ['--json', json, '--html', html, '--evidence', evidence];
    const traces = await traceReceiver();
    const run = flashgrid(dataDir, 'demo', ...SMALL, ...TWO_OF_EACH, ...files, '--otlp', traces.url);
    expect(await run.ended(), run.output()).toBe(0);
    const written = record(json);
    expect(written).toMatchObject({
      schema: 'flashgrid.run/2',
      verdict: 'pass',
      exitCode: 0,
      load: { sent: 2_000, accepted: 2_000, rejected: 0, unknown: 0 },
      audit: {
        stock: 20,
        sold: 20,
        granted: 20,
        refused: 1_980,
        pending: 0,
        lost: 0,
        duplicated: 0,
        oversold: 0,
        undersold: 0,
      },
      environment: { provider: 'native', gateways: 2, workers: 2 },
    });
    expect(written.audit.checks.map((check) => [check.id, check.ok])).toEqual(
      written.audit.checks.map((check) => [check.id, true]),
    );
    expect(written.audit.checks).toHaveLength(9);
    for (const key of ['sent', 'accepted', 'rejected', 'unknown'] as const)
      expect([key, sum(written, key)]).toEqual([key, written.load[key]]);
    expect(sum(written, 'granted')).toBe(written.audit.granted);
    expect(sum(written, 'refused')).toBe(written.audit.refused);
    expect(sum(written, 'committed')).toBe(written.audit.sold);
    expect(written.series.at(-1)).toMatchObject({ remaining: 0, queueDepth: 0 });
    expect(readFileSync(html, 'utf8')).toContain('<!doctype html>');
    expect(run.output()).toMatch(/PASS/);
    const root = String(written.evidenceRoot);
    expect(run.output()).toContain(`Evidence root ${root}`);
    const judged = flashgrid(dataDir, 'verify', evidence, '--root', root);
    expect(await judged.ended(), judged.output()).toBe(0);
    const other = flashgrid(dataDir, 'verify', evidence, '--root', root.replace(/^./, 'g'));
    expect(await other.ended()).toBe(2);
    expect(survivors(dataDir)).toEqual([]);
    // The first reservation of each gateway is traced, and what was not sent yet is sent at the end.
    const received = traces.end();
    for (const name of ['POST /reserve', 'publish frames', 'process frame', 'publish outcome'])
      expect(received).toContain(`"name":"${name}"`);
  });

  it.each([
    [['demo', '--otlp', 'collector:4318'], /--otlp must begin with http/],
    [['demo', '--requests', 'many'], /--requests/],
    [['demo', '--provider', 'cloud'], /--provider/],
    [['dance'], /no command "dance"/],
    [['attack'], undefined],
  ])('ends %j with a clear message and no stack trace', async (args, message) => {
    const run = flashgrid(dataDir, ...args);
    expect(await run.ended()).toBe(message ? 2 : 6);
    if (message) expect(run.output()).toMatch(message);
    expect(run.output()).toMatch(/→|lists the commands/);
    expect(run.output()).not.toMatch(/\n\s+at /);
  });
});

describe('flashgrid up, status, attack, down', () => {
  it('keep a cluster running between commands, hold a rate, tell a missed threshold by 4, and leave nothing behind', async () => {
    const up = flashgrid(dataDir, 'up', '--provider', 'native');
    expect(await up.ended(), up.output()).toBe(0);
    const status = flashgrid(dataDir, 'status');
    expect(await status.ended()).toBe(0);
    expect(status.output()).toMatch(/Cluster: running[\s\S]*gateway-1 +running/);

    const second = flashgrid(dataDir, 'up');
    expect(await second.ended(), second.output()).toBe(0);

    const attack = flashgrid(dataDir, 'attack', '--requests', '500', '--connections', '50', '--stock', '5');
    expect(await attack.ended(), attack.output()).toBe(0);
    expect(attack.output()).toMatch(/PASS/);

    const rated = join(dataDir, 'rated.json');
    const rate = ['--rate', '400', '--duration', '2', '--connections', '50', '--stock', '10'];
    const steady = flashgrid(dataDir, 'attack', ...rate, '--json', rated);
    expect(await steady.ended(), steady.output()).toBe(0);
    expect(record(rated)).toMatchObject({
      verdict: 'pass',
      load: { sent: 800, accepted: 800 },
      audit: { sold: 10 },
    });

    const shaped = join(dataDir, 'shaped.json');
    const ramp = ['--stages', '0..400@1s,400@1s', '--connections', '60', '--stock', '10'];
    const mix = ['double-click:10%', 'retry:10%', 'bot:1%', 'leaves:5%', 'slow-reader:2%'];
    const crowd = mix.flatMap((one) => ['--behaviour', one]);
    const staged = flashgrid(dataDir, 'attack', ...ramp, ...crowd, '--json', shaped);
    expect(await staged.ended(), staged.output()).toBe(0);
    const { verdict: word, load, audit } = record(shaped);
    expect(word).toBe('pass');
    expect(audit).toMatchObject({ sold: 10, lost: 0, duplicated: 0, oversold: 0, pending: 0 });
    expect(audit.checks.map(checkState)).toEqual(Array(9).fill('passed'));
    // 200 of the ramp, then 400; nobody but those who left is without an answer.
    expect(load).toMatchObject({ sent: 600, rejected: 0, causes: { left: load.unknown } });
    expect(load.unknown).toBeGreaterThan(5);

    // The only gateway is killed in the middle: what it had in hand has no clear answer.
    const broken = join(dataDir, 'broken.json');
    const rush = [
      '--rate',
      '400',
      '--duration',
      '3',
      '--connections',
      '80',
      '--stock',
      '50',
      '--timeout',
      '4000',
    ];
    const killed = flashgrid(dataDir, 'attack', ...rush, '--fault', 'kill:gateway@1s', '--json', broken);
    // The rate can not be held without a gateway.
    expect([0, 5], killed.output()).toContain(await killed.ended());
    const { id } = record(broken);

    const wide = ['--requests', '2000', '--connections', '50', '--stock', '3'];
    const hot = ['--sales', '300', '--zipf', '1', '--behaviour', 'retry:10%'];
    const sold = flashgrid(
      dataDir,
      'attack',
      ...wide,
      ...hot,
      '--json',
      join(dataDir, 'hot.json'),
      '--evidence',
      join(dataDir, 'hot.gz'),
    );
    expect(await sold.ended(), sold.output()).toBe(0);
    const several = record(join(dataDir, 'hot.json'));
    expect(several.audit).toMatchObject({
      stock: 900,
      oversold: 0,
      undersold: 0,
      lost: 0,
      duplicated: 0,
      pending: 0,
    });
    expect(several.audit.sales).toMatchObject({ count: 300, broken: 0, unasked: 0 });
    // All were counted, so nobody waited for the end of the drain's time.
    expect(several.audit.drainMs).toBeLessThan(several.attack.drainTimeoutMs);
    // The first of 300 sales gets a sixth of all requests.
    expect(several.audit.sales?.worst).toMatchObject({ id: `${several.saleId}-001`, sold: 3, oversold: 0 });
    expect(several.audit.sales?.worst.requests).toBeGreaterThan(200);
    expect(several.series.at(-1)?.remaining).toBe(900 - several.audit.sold);
    const rejudged = flashgrid(
      dataDir,
      'verify',
      join(dataDir, 'hot.gz'),
      '--root',
      several.evidenceRoot ?? '',
    );
    expect(await rejudged.ended(), rejudged.output()).toBe(0);
    expect(rejudged.output()).toContain('in 300 sales');

    const few = ['--requests', '200', '--connections', '20', '--stock', '5'];
    const missed = flashgrid(dataDir, 'attack', ...few, '--slo', 'accepted<1');
    expect(await missed.ended(), missed.output()).toBe(4);
    expect(missed.output()).toMatch(/accepted requests was 200/);

    const report = flashgrid(dataDir, 'report');
    expect(await report.ended()).toBe(0);
    expect(report.output()).toMatch(/^run-\w+.*500 buyers/m);
    const file = (format: string) => join(dataDir, `again.${format}`);
    const filesOf = (formats: readonly string[]) =>
      formats.flatMap((format) => [`--${format}`, file(format)]);
    const exported = flashgrid(dataDir, 'report', id, ...filesOf(['json', 'csv', 'evidence']));
    expect(await exported.ended(), exported.output()).toBe(0);
    const saved = record(file('json'));
    expect(saved).toMatchObject({ id, audit: { sold: 50, lost: 0 }, faults: [{ hadEffect: true }] });
    const { sent, accepted, rejected, unknown } = saved.load;
    expect(unknown).toBeGreaterThan(0);
    expect(sent).toBe(accepted + rejected + unknown);
    // The record's file is enough, on any machine.
    const again = flashgrid(dataDir, 'report', file('json'), ...filesOf(['html', 'pdf', 'md', 'junit']));
    expect(await again.ended(), again.output()).toBe(0);
    for (const [format, totalsOf] of Object.entries(TOTALS_OF))
      expect(await totalsOf(readFileSync(file(format), 'utf8')), format).toEqual(totalsOfRecord(saved));
    expect(await totalsOfPdf(readFileSync(file('pdf')))).toEqual(totalsOfRecord(saved));
    const judged = flashgrid(dataDir, 'verify', file('evidence'), '--json', file('judged'));
    expect(await judged.ended(), judged.output()).toBe(0);
    expect(JSON.parse(readFileSync(file('judged'), 'utf8'))).toMatchObject({
      requests: saved.load.sent,
      tickets: saved.audit.sold,
      stock: saved.audit.stock,
    });
    const newest = flashgrid(dataDir, 'report', 'last', '--md', '-');
    expect(await newest.ended(), newest.output()).toBe(0);
    expect(newest.output()).toContain('THRESHOLD MISSED: 200 buyers');
    const rows = readFileSync(file('csv'), 'utf8')
      .split('\r\n')
      .filter((line) => line.startsWith('series,'));
    expect(rows).toHaveLength(saved.series.length);

    const list = join(dataDir, 'repeated.json');
    const repeated = flashgrid(dataDir, 'attack', ...few, '--repeat', '2', '--json', list);
    expect(await repeated.ended(), repeated.output()).toBe(0);
    expect(repeated.output()).toMatch(/2 runs: 2 PASS[\s\S]*Kept as group-\w+/);
    // A list of the whole group, as the kept runs and as a file; both runs are on both sides.
    const compared = flashgrid(dataDir, 'compare', 'last', list, '--json', join(dataDir, 'compared.json'));
    expect(await compared.ended(), compared.output()).toBe(0);
    const { verdict, setUp, a, b } = comparison(join(dataDir, 'compared.json'));
    // A machine that others use withholds the speed of some.
    expect([verdict, setUp, a.runs.length + a.leftOut.length, b.runs]).toEqual(['unknown', [], 2, a.runs]);
    const against = flashgrid(dataDir, 'attack', ...few, '--against', 'last');
    expect(await against.ended(), against.output()).toBe(2);
    expect(against.output()).toMatch(/too few to tell a regression from\s+noise/);

    const down = flashgrid(dataDir, 'down', '--reset');
    expect(await down.ended(), down.output()).toBe(0);
    expect(survivors(dataDir)).toEqual([]);
    expect(existsSync(join(dataDir, 'native'))).toBe(false);
  }, 240_000);
});

describe('flashgrid doctor', () => {
  it('lists each backend with its place and version, and says that FlashGrid can start here', async () => {
    const doctor = flashgrid(dataDir, 'doctor');
    expect(await doctor.ended(), doctor.output()).toBe(0);
    expect(doctor.output()).toMatch(
      /✓ RabbitMQ +\d[\s\S]*✓ Redis +\d[\s\S]*✓ Postgres +\d[\s\S]*can start here/,
    );
  });
});
