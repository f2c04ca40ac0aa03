/**
 * Which rare paths really occurred in a whole test run. Tests hand over the counts of the services that they ran; `npm test` names the file
 * in which they are noted, and tests/last/rare-paths.test.ts fails in the end when a path is not there.
 */
import { appendFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import process from 'node:process';
import { expect } from 'vitest';
import { z } from 'zod';
import { RARE_PATH_IDS, taken, type Coverage, type RarePath } from '../../services/shared/rare-paths.ts';

/** Set by a run of all tests, and by no other: a run of one file can't take every path. */
export const TAKEN_LOG = process.env['FLASHGRID_TEST_RARE_PATHS'];

const root = join(import.meta.dirname, '../..');
const lineSchema = z.object({ test: z.string(), paths: z.array(z.string()) });

/** Notes what a service, or a fleet of them, has taken by now. Costs nothing in a run of a part of the tests. */
export function noteTaken(coverage: Coverage): void {
  const paths = Object.keys(taken(coverage));
  if (TAKEN_LOG === undefined || paths.length === 0) return;
  const line = { test: relative(root, expect.getState().testPath ?? ''), paths };
  appendFileSync(TAKEN_LOG, `${JSON.stringify(line)}\n`);
}

/** Each path of the table with the test files that it occurred in. */
export function takenBy(log: string): Map<RarePath, Set<string>> {
  const lines = log.split('\n').filter((line) => line !== '');
  const notes = lines.map((line) => lineSchema.parse(JSON.parse(line)));
  return new Map(
    RARE_PATH_IDS.map((id) => [
      id,
      new Set(notes.filter(({ paths }) => paths.includes(id)).map(({ test }) => test)),
    ]),
  );
}
