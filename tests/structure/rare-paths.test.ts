/**
 * The compiler refuses a count of a path that is not in the table. This refuses a path that nothing counts, and one
 * that no test on real backends takes: `expectTaken` (tests/support/expect-taken.ts) fails there when it does not occur.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { RARE_PATHS, RARE_PATH_IDS } from '../../services/shared/rare-paths.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const withoutComments = (text: string) => text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');

it('has no path that is not counted where the table says', () => {
  const uncounted = RARE_PATH_IDS.filter((id) => {
    const path = join('services', RARE_PATHS[id].where);
    return !existsSync(join(root, path)) || !new RegExp(`\\b${id}\\b`).test(withoutComments(read(path)));
  });
  expect(uncounted).toEqual([]);
});

it('has no path that no test takes on real backends', () => {
  const tests = readdirSync(join(root, 'tests'))
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => withoutComments(read(join('tests', name))))
    .join('\n');
  const expected = [...tests.matchAll(/\bexpectTaken\(([^;]*?)\);/g)].map(([, list]) => list).join('\n');
  expect(RARE_PATH_IDS.filter((id) => !expected.includes(`'${id}'`))).toEqual([]);
});

it('says of each path in a few words and in a sentence what it is', () => {
  const facts = Object.values(RARE_PATHS);
  expect(facts.filter(({ title }) => !/^(?:[a-z]|RabbitMQ).{3,39}$/.test(title))).toEqual([]);
  expect(facts.filter(({ meaning }) => !/^[A-Z].*\.$/.test(meaning))).toEqual([]);
  expect(new Set(facts.map(({ title }) => title)).size).toBe(facts.length);
});
