import { expect, it, vi } from 'vitest';
import type { RunSummary } from '../contract/state.ts';
import { summaryOf } from '../contract/run-text.ts';
import { fixtureRun } from '../tests/support/run-fixture.ts';
import { UsageError } from '../contract/attack-options.ts';
import { runs } from './runs.ts';
import type { CommandContext } from './session.ts';

const calls: [name: string, input: unknown][] = [];
const record = { ...fixtureRun({ id: 'run-a' }), labels: { tags: ['nightly'] } };
const kept: RunSummary[] = [summaryOf(record), summaryOf(fixtureRun({ id: 'run-b' }))];

vi.mock(import('./session.ts'), async (original) => ({
  ...(await original()),
  openSession: () => Promise.resolve({ client: {} } as never),
  briefly: (_, __, work) => work({} as never),
  printNotices: () => Promise.resolve([]),
  must: ((_: unknown, name: string, input: unknown) => {
    calls.push([name, input]);
    return Promise.resolve(name === 'runs.listRuns' ? kept : name === 'runs.getRun' ? record : kept[0]);
  }) as never,
}));

async function run(...positionals: string[]): Promise<{ lines: string[]; changes: unknown[] }> {
  calls.length = 0;
  const lines: string[] = [];
  const [values, words] = positionals[0]?.startsWith('--tag=')
    ? [{ tag: positionals[0].slice(6) }, []]
    : [{}, positionals];
  await runs({
    positionals: words,
    values,
    dataDir: '',
    out: { print: (line: string) => lines.push(line) },
    outputs: { formats: [], has: () => false },
  } as unknown as CommandContext);
  const changes = calls.filter(([name]) => !/getRun|listRuns/.test(name)).map(([, input]) => input);
  return { lines, changes };
}

it('lists all runs, or those with a tag', async () => {
  expect((await run()).lines).toHaveLength(2);
  const { lines } = await run('--tag=nightly');
  expect(lines).toEqual(['1 run found.', expect.stringMatching(/^run-a .*, #nightly$/)]);
});

it.each([
  [['tag', 'run-a', 'slow', 'nightly'], { labels: { tags: ['nightly', 'slow'] } }],
  [['untag', 'last', 'nightly'], { labels: { tags: [] } }],
  [['note', 'run-a', 'after the update'], { labels: { note: 'after the update' } }],
  [['pin', 'run-a'], { labels: { isPinned: true } }],
  [['unpin', 'run-a'], { labels: { isPinned: false } }],
  [['delete', 'last'], {}],
  [['restore', 'run-a'], {}],
])('%j changes that run', async (words, change) => {
  expect((await run(...words)).changes).toEqual([{ id: 'run-a', ...change }]);
});

it.each([
  ['tag', 'run-a'],
  ['tag', 'run-a', 'a b'],
  ['note', 'run-a', 'two', 'texts'],
  ['pin'],
  ['pin', 'run-a', 'run-b'],
  ['delete', 'run-a', 'run-b'],
  ['constructor', 'run-a'],
])('takes %j for no command, and changes nothing', async (...words) => {
  await expect(run(...words)).rejects.toThrow(UsageError);
  expect(calls.filter(([name]) => /labelRun|deleteRun/.test(name))).toEqual([]);
});
