import { mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { enough, soldOut } from '../tests/support/planted-faults.ts';
import { fixtureRun } from '../tests/support/run-fixture.ts';
import { judge } from '../control/audit/audit.ts';
import { evidenceRecords } from '../control/evidence/evidence-records.ts';
import { writeEvidence } from '../control/evidence/write-evidence.ts';
import type { CommandContext } from './session.ts';
import { verify } from './verify.ts';

let dir: string;
let file: string;
let edn: string;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'flashgrid-verify-'));
  [file, edn] = [join(dir, 'run.gz'), join(dir, 'history.edn')];
  const evidence = soldOut().evidence();
  await writeEvidence(file, evidenceRecords([{ evidence, audit: judge(evidence, 1) }], fixtureRun()));
});
afterEach(() => rmSync(dir, { recursive: true }));

function run(values: CommandContext['values'], positionals: readonly string[] = [file]) {
  const printed: string[] = [];
  const context = {
    values,
    positionals,
    out: { print: (text: string) => printed.push(text) },
    outputs: { formats: [] },
  };
  return verify(context as unknown as CommandContext).then((code) => ({ code, text: printed.join('\n') }));
}

it('says that a defect was planted on purpose', async () => {
  const evidence = soldOut().evidence();
  const { attack, ...rest } = fixtureRun();
  const planted = { ...rest, attack: { ...attack, plant: 'oversell' as const } };
  await writeEvidence(file, evidenceRecords([{ evidence, audit: judge(evidence, 1) }], planted));
  const { text } = await run({});
  expect(text).toContain('A defect was planted in this run on purpose (oversell)');
});

it('judges a run, and writes its history with an end for each request', async () => {
  const { code, text } = await run({ edn });
  expect([code, text.match(/✓/g)?.length]).toEqual([0, 9]);
  const lines = readFileSync(edn, 'utf8').trimEnd().split('\n');
  expect(lines).toHaveLength(80);
  expect(lines.filter((line) => line.includes(':type :ok'))).toHaveLength(10);
  expect(lines[1]).toMatch(
    /^\{:process 0, :type :ok, :f :reserve, :value \{:user "buyer-0" :units \[1\]\}, :time \d+\}$/,
  );
  expect(readdirSync(dir).sort()).toEqual(['history.edn', 'run.gz']);
});

it('leaves an earlier history whole when the file can not be judged, and nothing beside it', async () => {
  writeFileSync(edn, 'earlier');
  truncateSync(file, 200);
  await expect(run({ edn })).rejects.toMatchObject({ failure: { code: 'verify.notJudged' } });
  expect(readFileSync(edn, 'utf8')).toBe('earlier');
  expect(readdirSync(dir).sort()).toEqual(['history.edn', 'run.gz']);
});

it('says that the history could not be written, and not that the evidence is damaged', async () => {
  await expect(run({ edn: join(dir, 'none', 'h.edn') })).rejects.toMatchObject({
    failure: { code: 'cli.cantWrite' },
  });
});

it('ends with 3 on a broken promise, and names it', async () => {
  const world = enough();
  world.tickets.push({ unit: 1, reservationId: 'sale.aaaaaa-1.9', userId: 'nobody' });
  const evidence = world.evidence();
  await writeEvidence(file, evidenceRecords([{ evidence, audit: judge(evidence, 1) }], fixtureRun()));
  const { code, text } = await run({});
  expect(code).toBe(3);
  expect(text).toMatch(/✗ Nothing was sold that was not in stock.*unit 1/);
});

it.each([
  [{ root: '00' }, [], /64 hexadecimal/],
  [{ edn: '-' }, ['f'], /--edn writes a file/],
  [{}, [], /one evidence file/],
])('ends %j %j as wrong use', async (values, positionals, message) => {
  await expect(
    run(values, positionals.length > 0 ? positionals : 'root' in values ? [file] : []),
  ).rejects.toThrow(message);
});
