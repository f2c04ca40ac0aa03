import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { enough } from '../../tests/support/planted-faults.ts';
import { fixtureRun } from '../../tests/support/run-fixture.ts';
import { judge } from '../audit/audit.ts';
import { EvidenceStore } from './evidence-store.ts';

let dir: string;
let store: EvidenceStore;

beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), 'flashgrid-kept-')), 'evidence');
  store = new EvidenceStore(dir);
});
afterEach(() => rmSync(join(dir, '..'), { recursive: true }));

async function save(id: string, ageSec = 0): Promise<string> {
  const evidence = enough().evidence();
  const root = await store.save({ ...fixtureRun(), id }, [{ evidence, audit: judge(evidence, 1) }]);
  const path = join(dir, `${id}.evidence.gz`);
  utimesSync(path, Date.now() / 1_000 - ageSec, Date.now() / 1_000 - ageSec);
  return root;
}

it('keeps the file for its owner alone, hands out its bytes, and forgets a deleted run', async () => {
  expect(await save('run-a')).toMatch(/^[0-9a-f]{64}$/);
  expect(statSync(dir).mode & 0o777).toBe(0o700);
  expect(statSync(join(dir, 'run-a.evidence.gz')).mode & 0o777).toBe(0o600);
  expect((await store.read('run-a')).subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]));
  await store.remove('run-a');
  expect(readdirSync(dir)).toEqual([]);
  await expect(store.read('run-a')).rejects.toMatchObject({ failure: { code: 'runs.noEvidence' } });
});

it('keeps the newest 20', async () => {
  for (let age = 22; age > 0; age--) await save(`run-${age}`, age);
  await save('run-new');
  const kept = readdirSync(dir);
  expect(kept).toHaveLength(20);
  expect(kept).toContain('run-new.evidence.gz');
  expect(kept).not.toContain('run-22.evidence.gz');
});

it('keeps no more than half a GiB, and does not hand out a large file but tells where it is', async () => {
  await save('run-large', 10);
  truncateSync(join(dir, 'run-large.evidence.gz'), 513 * 1024 * 1024);
  await expect(store.read('run-large')).rejects.toMatchObject({
    failure: {
      code: 'runs.evidenceTooLarge',
      fix: expect.stringContaining('run-large.evidence.gz') as string,
    },
  });
  utimesSync(join(dir, 'run-large.evidence.gz'), 1, 1);
  await save('run-new');
  expect(readdirSync(dir)).toEqual(['run-new.evidence.gz']);
});

it('takes no path for a run', async () => {
  await expect(store.read('../settings')).rejects.toThrow(RangeError);
});
