/** What takes a guard out of a test build (tests/support/guards.ts) must fit the sources of today, and stand nowhere in them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { GUARDS, type Guard } from '../support/guards.ts';
import { applyCuts } from '../support/unguarded-build.ts';

const root = join(import.meta.dirname, '../..');

it.each(Object.entries(GUARDS as Readonly<Record<string, Guard>>))(
  'the guard %s can be taken out, and has no switch in the sources',
  (_, { cuts }) => {
    for (const cut of cuts) {
      const source = readFileSync(join(root, cut.file), 'utf8');
      expect(applyCuts(cut.file, source, [cut])).not.toBe(source);
      // A short one is plain code.
      if (cut.replace.length > 20) expect(source).not.toContain(cut.replace);
    }
  },
);
