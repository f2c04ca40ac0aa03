/**
 * Runs after all other tests of a whole run: a rare path that never occurred in it is a path that nothing proves. A test that was skipped,
 * or that no longer gets where it should, is found here.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { RARE_PATHS } from '../../services/shared/rare-paths.ts';
import { TAKEN_LOG, takenBy } from '../support/taken-log.ts';

it('finds a path that no test has noted', () => {
  const paths = Object.keys(RARE_PATHS).filter((id) => id !== 'confirmLate' && id !== 'ackLost');
  const notes = [
    { test: 'tests/one.test.ts', paths },
    { test: 'tests/other.test.ts', paths: ['ackLost', 'pathOfAnotherVersion'] },
  ];
  const found = takenBy(notes.map((note) => `${JSON.stringify(note)}\n`).join(''));
  expect([...found].filter(([, tests]) => tests.size === 0).map(([id]) => id)).toEqual(['confirmLate']);
  expect([...(found.get('ackLost') ?? [])]).toEqual(['tests/other.test.ts']);
});

it.skipIf(TAKEN_LOG === undefined)('every rare path of the engine occurred in this run', () => {
  const never = [...takenBy(readFileSync(TAKEN_LOG ?? '', 'utf8'))].filter(([, tests]) => tests.size === 0);
  expect(
    never.map(([id]) => id),
    never
      .map(([id]) => `never occurred: ${RARE_PATHS[id].title} (services/${RARE_PATHS[id].where})`)
      .join('\n'),
  ).toEqual([]);
});
