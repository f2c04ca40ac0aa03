import { mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixtureRun } from '../../tests/support/run-fixture.ts';
import { FailureError } from '../../contract/failure.ts';
import { KEPT_RUNS, RunStore } from './run-store.ts';

let root: string;
let dir: string;
let told: number;
let store: RunStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'flashgrid-runs-'));
  dir = join(root, 'runs');
  told = 0;
  store = new RunStore(dir, '1.2.3', { onNotice: () => told++ });
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
    const other = new RunStore(dir, '1.2.3');
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
    await store.list();
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

  it('lists from its index, without reading the file of any run, also in another process', async () => {
    for (const id of ['run-a', 'run-b']) await store.save(fixtureRun({ id }));
    const listed = await store.list();
    // In place: the folder keeps its time of change, and only a reader of the files could notice.
    for (const id of ['run-a', 'run-b']) await writeFile(join(dir, `${id}.json`), 'not a record any more');
    expect(await store.list()).toEqual(listed);
    expect(await new RunStore(dir, '1.2.3').list()).toEqual(listed);
  });

  it.each([
    ['missing', () => undefined],
    ['cut short', (text: string) => text.slice(0, -40)],
    ['no index at all', () => '{"schema":'],
    [
      'of another version',
      (text: string) => text.replace(' 1.2.3 ', ' 1.2.2 ').replaceAll('native', 'docker'),
    ],
    ['damaged in one line', (text: string) => text.replace('"provider":"native"', '"provider":7')],
  ])('makes the index again when it is %s', async (_, damage) => {
    for (const id of ['run-a', 'run-b']) await store.save(fixtureRun({ id }));
    const listed = await store.list();
    const path = join(root, 'runs-index.ndjson');
    const whole = await readFile(path, 'utf8');
    const left = damage(whole);
    if (left === undefined) await rm(path);
    else await writeFile(path, left);
    expect(await new RunStore(dir, '1.2.3').list()).toEqual(listed);
    const again = new RunStore(dir, '1.2.3');
    for (const id of ['run-a', 'run-b']) await writeFile(join(dir, `${id}.json`), 'not read any more');
    expect(await again.list()).toEqual(listed);
  });

  it('looks at the files when the folder changed behind its back', async () => {
    await store.save(fixtureRun({ id: 'run-a' }));
    await store.list();
    await store.save(fixtureRun({ id: 'run-b' }));
    // Replaced, as a backup that is restored does it; the index is older than the folder then.
    await utimes(join(root, 'runs-index.ndjson'), 1, 1);
    const changed = JSON.stringify({ ...fixtureRun({ id: 'run-a' }), verdict: 'invalid' });
    await writeFile(join(dir, 'run-a.json'), changed);
    await rm(join(dir, 'run-b.json'));
    expect((await store.list()).map(({ id, verdict }) => [id, verdict])).toEqual([['run-a', 'invalid']]);
  });

  it('finds a run by its sale, its settings, its tags and its note, and keeps the rest of its record', async () => {
    const { attack } = fixtureRun();
    const run = fixtureRun({ id: 'run-a', saleId: 'sale-77', attack: { ...attack, connections: 77 } });
    await store.save(run);
    await store.save(fixtureRun({ id: 'run-b' }));
    // A field of a newer version must outlive a tag.
    const path = join(dir, 'run-a.json');
    await writeFile(path, JSON.stringify({ ...run, newer: 1 }));
    const labelled = await store.label('run-a', { tags: ['nightly'], note: 'after the update of Redis' });
    expect(await store.label('run-a', { isPinned: true })).toEqual({
      ...labelled,
      labels: { ...labelled.labels, isPinned: true },
    });
    for (const search of ['sale-77', '--connections 77', 'nightly', 'update redis', 'PINNED'])
      expect((await store.list(search)).map(({ id }) => id)).toEqual(['run-a']);
    expect(await store.label('run-a', { tags: [], note: '', isPinned: false })).not.toHaveProperty('labels');
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ ...run, newer: 1 });
    expect(await store.get('run-a')).toEqual(run);
  });

  it('drops the oldest beyond the bound, but no pinned run and none of the baseline', async () => {
    const gone: string[] = [];
    const options = (runs: number, bytes: number) => ({
      limits: { ...KEPT_RUNS, runs, bytes },
      onGone: (id: string) => gone.push(id),
      baselineIds: () => Promise.resolve(new Set(['run-2'])),
    });
    const small = new RunStore(dir, '1.2.3', options(4, Infinity));
    for (const at of [1, 2, 3, 4]) await small.save(fixtureRun({ id: `run-${at}`, startedAtMs: day(at) }));
    await small.label('run-1', { isPinned: true });
    for (const at of [5, 6]) await small.save(fixtureRun({ id: `run-${at}`, startedAtMs: day(at) }));
    expect((await small.list()).map(({ id }) => id)).toEqual(['run-6', 'run-5', 'run-2', 'run-1']);
    expect(gone).toEqual(['run-3', 'run-4']);
    expect((await small.list('baseline')).map(({ id }) => id)).toEqual(['run-2']);
    await new RunStore(dir, '1.2.3', options(100, 1)).save(fixtureRun({ id: 'run-7', startedAtMs: day(7) }));
    await expect.poll(() => readdir(dir)).toEqual(['run-1.json', 'run-2.json', 'run-7.json']);
  });

  it('brings a deleted run back, until it was deleted too long ago or before too many others', async () => {
    const gone: string[] = [];
    const limits = { ...KEPT_RUNS, deletedRuns: 2 };
    const one = new RunStore(dir, '1.2.3', { limits, onGone: (id) => gone.push(id) });
    const run = fixtureRun({ id: 'run-a' });
    const summary = await one.save(run);
    await one.delete('run-a');
    expect(await one.list()).toEqual([]);
    expect(await one.restore('run-a')).toEqual(summary);
    expect(await one.list()).toEqual([summary]);
    expect(await one.get('run-a')).toEqual(run);
    for (const id of ['run-b', 'run-c']) await one.save(fixtureRun({ id }));
    for (const id of ['run-a', 'run-b', 'run-c']) {
      await one.delete(id);
      await utimes(join(dir, 'deleted', `${id}.json`), new Date(), new Date(day(1) + gone.length));
    }
    expect(gone).toEqual(['run-a', 'run-b']);
    await one.clearDeleted();
    expect(gone).toEqual(['run-a', 'run-b', 'run-c']);
    await expect(one.restore('run-c')).rejects.toMatchObject({ failure: { code: 'runs.notFound' } });
  });

  it('clears deleted runs in turn with other changes: what is brought back meanwhile is not told as gone', async () => {
    const gone: string[] = [];
    const one = new RunStore(dir, '1.2.3', { onGone: (id) => gone.push(id) });
    const ids = Array.from({ length: 20 }, (_, at) => `run-${at}`);
    for (const id of ids) {
      await one.save(fixtureRun({ id }));
      await one.delete(id);
    }
    for (const id of ids) await utimes(join(dir, 'deleted', `${id}.json`), new Date(), new Date(day(1)));
    // Deleted long ago, so that each of them is cleared unless it was brought back before.
    const back = ids.map((id) => one.restore(id));
    await Promise.all([...back, one.clearDeleted(), ...ids.map((id) => one.get(id).catch(() => undefined))]);
    expect(gone).toEqual([]);
    expect((await one.list()).map(({ id }) => id).sort()).toEqual(ids.toSorted());
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
