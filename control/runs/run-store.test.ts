import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixtureRun } from '../../tests/support/run-fixture.ts';
import { FailureError } from '../../contract/failure.ts';
import { RunStore } from './run-store.ts';

let root: string;
let dir: string;
let told: number;
let store: RunStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'flashgrid-runs-'));
  dir = join(root, 'runs');
  told = 0;
  store = new RunStore(dir, '1.2.3', () => told++);
});
afterEach(() => rm(root, { recursive: true }));

const day = (at: number) => Date.UTC(2026, 10, at);

describe('RunStore', () => {
  it('has no runs before the first is saved', async () => {
    expect(await store.list()).toEqual([]);
  });

  it('gives back what was saved, and leaves no other file', async () => {
    const run = fixtureRun();
    const summary = await store.save(run);
    expect(await store.get(run.id)).toEqual(run);
    expect(await store.list()).toEqual([summary]);
    expect(summary).toMatchObject({
      title: '10,000 buyers, 20 tickets',
      verdict: 'pass',
      sold: 20,
      requests: 10_000,
    });
    expect(await readdir(dir)).toEqual([`${run.id}.json`]);
  });

  it('lists the newest first, and only those that hold every word of the search', async () => {
    await store.save(fixtureRun({ id: 'run-a', startedAtMs: day(1) }));
    await store.save(fixtureRun({ id: 'run-b', startedAtMs: day(3) }));
    await store.save(fixtureRun({ id: 'run-c', startedAtMs: day(2) }));
    const ids = async (search: string) => (await store.list(search)).map((run) => run.id);
    expect(await ids('')).toEqual(['run-b', 'run-c', 'run-a']);
    expect(await ids('  PASS 2026-11-02 ')).toEqual(['run-c']);
    expect(await ids('20 tickets native')).toHaveLength(3);
    expect(await ids('fail')).toEqual([]);
    // Each word that the window shows of a run.
    expect(await ids('proven')).toHaveLength(3);
    expect(await ids('Nov, connections')).toHaveLength(3);
    expect(await ids('10,000 buyers')).toHaveLength(3);
  });

  it('sees a run that was replaced, and one that another process saved', async () => {
    await store.save(fixtureRun({ id: 'run-a' }));
    await store.list();
    const other = new RunStore(dir, '1.2.3', () => undefined);
    await other.save(fixtureRun({ id: 'run-b' }));
    const changed = fixtureRun({ id: 'run-a' });
    await other.save({ ...changed, verdict: 'invalid', reasons: ['a longer file'] });
    expect((await store.list()).map(({ id, verdict }) => [id, verdict]).sort()).toEqual([
      ['run-a', 'invalid'],
      ['run-b', 'pass'],
    ]);
  });

  it('reads a run that version 0.1 saved, with its names for what they are called now', async () => {
    const run = fixtureRun({ id: 'run-old' });
    const oldSample = ({ accepted, rejected, refused, ...rest }: (typeof run.series)[number]) => ({
      ...rest,
      acknowledged: accepted,
      refused: rejected,
      refusedByWorker: refused,
    });
    const { accepted, rejected, ...load } = run.load;
    const { backends, ...environment } = run.environment;
    const old = {
      ...run,
      schema: 'flashgrid.run/1',
      load: { ...load, acknowledged: accepted, refused: rejected },
      environment: { ...environment, engines: backends },
      series: run.series.map(oldSample),
    };
    await store.save(fixtureRun({ id: 'run-new' }));
    await writeFile(join(dir, 'run-old.json'), JSON.stringify(old));
    expect(await store.get('run-old')).toEqual(run);
    expect(await store.list()).toHaveLength(2);
  });

  it('leaves out what it can not read, says of each why, once, and lists the others', async () => {
    await store.save(fixtureRun({ id: 'run-good' }));
    const newer = fixtureRun({ id: 'run-later' });
    const files: Record<string, string> = {
      'run-cut': '{"schema":"flashgrid.run/1","id":',
      'run-odd': JSON.stringify({ schema: 'another/9' }),
      'run-lost': JSON.stringify({
        ...newer,
        stock: undefined,
        load: {},
        environment: { ...newer.environment, flashgrid: '1.2.3' },
      }),
      'run-later': JSON.stringify({
        ...newer,
        environment: { ...newer.environment, flashgrid: '1.10.0' },
        verdict: 'new',
      }),
      'run-next': JSON.stringify({ schema: 'flashgrid.run/3', shape: 'unknown' }),
    };
    for (const [id, text] of Object.entries(files)) await writeFile(join(dir, `${id}.json`), text);
    await writeFile(join(dir, 'notes.txt'), 'not a run');
    expect((await store.list()).map(({ id }) => id)).toEqual(['run-good']);
    await store.list();
    expect(told).toBe(1);
    expect(store.notice?.message).toMatch(/^5 kept runs are not in the list\. .*And 2 more\.$/);
    const failureOf = (id: string) =>
      store.get(id).then(
        () => undefined,
        (error: unknown) => (error instanceof FailureError ? error.failure : error),
      );
    for (const id of ['run-cut', 'run-odd', 'run-lost'])
      expect(await failureOf(id)).toMatchObject({
        code: 'runs.damaged',
        fix: expect.stringMatching(/Restore/),
      });
    for (const id of ['run-later', 'run-next'])
      expect(await failureOf(id)).toMatchObject({
        code: 'runs.newer',
        fix: expect.stringMatching(/update this one/),
      });
    for (const [id, text] of Object.entries(files)) {
      expect(await readFile(join(dir, `${id}.json`), 'utf8')).toBe(text);
      await store.delete(id);
    }
    await store.list();
    // Of each deletion, too.
    expect([told, store.notice]).toEqual([6, undefined]);
  });

  it('deletes a run', async () => {
    await store.save(fixtureRun({ id: 'run-a' }));
    await store.delete('run-a');
    expect(await store.list()).toEqual([]);
    await expect(store.get('run-a')).rejects.toMatchObject({ failure: { code: 'runs.notFound' } });
    await expect(store.delete('run-a')).rejects.toMatchObject({ failure: { code: 'runs.notFound' } });
  });

  it.each(['../secret', '..', '.hidden', 'a/b', 'a\\b', '', 'a\0b', 'a'.repeat(81)])(
    'takes %j for no run, wherever such a file may lie',
    async (id) => {
      await writeFile(join(root, 'secret.json'), JSON.stringify(fixtureRun()));
      await expect(store.get(id)).rejects.toMatchObject({ failure: { code: 'runs.notFound' } });
      await expect(store.delete(id)).rejects.toMatchObject({ failure: { code: 'runs.notFound' } });
      expect(await readdir(root)).toContain('secret.json');
    },
  );

  it('says what to do when a run can’t be saved, and leaves nothing half written', async () => {
    await writeFile(dir, 'a file where the folder should be');
    await expect(store.save(fixtureRun())).rejects.toMatchObject({ failure: { code: 'runs.notSaved' } });
    expect(await readdir(root)).toEqual(['runs']);
  });
});
