/** The compiler refuses a code that is not registered; this refuses a registered code that nothing uses. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FAILURES } from '../../contract/failures.ts';

const root = join(import.meta.dirname, '../..');
const REGISTRIES = ['contract/failures.ts', 'services/shared/service-error.ts'];
const sources = ['contract', 'control', 'cli', 'web', 'electron', 'renderer', 'services', 'scripts']
  .flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, encoding: 'utf8' }).map((name) => join(top, name)),
  )
  .filter((name) => /\.tsx?$/.test(name) && !/\.test\.tsx?$/.test(name) && !REGISTRIES.includes(name))
  .map((name) => readFileSync(join(root, name), 'utf8'))
  .join('\n')
  // A comment that names a code does not use it.
  .replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');

it('has no failure code that nothing uses, and none that is explained in no sentence', () => {
  expect(Object.keys(FAILURES).filter((code) => !sources.includes(`'${code}'`))).toEqual([]);
  expect(Object.entries(FAILURES).filter(([, when]) => !/^[A-Z].*[^.]\.$/.test(when))).toEqual([]);
});
