/** The window's help page and docs/glossary.md define the same words: a second definition would drift. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { WORDS } from '../../renderer/pages/help/words.ts';

const glossary = new Map(
  readFileSync(join(import.meta.dirname, '../../docs/glossary.md'), 'utf8')
    .split('\n')
    .map((line) => /^\| \*\*(.+?)\*\* +\| (.*?) *\|$/.exec(line))
    .map((row) => [row?.[1], row?.[2]?.replaceAll(/[`_]/g, '').replaceAll("'", '’')]),
);

it.each(WORDS.flatMap(({ words }) => words.map(({ term, meaning }) => [term, meaning] as const)))(
  'defines %s on the help page as the glossary does',
  (term, meaning) => {
    expect(meaning).toBe(glossary.get(term));
  },
);

it('explains no word twice', () => {
  const terms = WORDS.flatMap(({ words }) => words.map(({ term }) => term));
  expect(new Set(terms).size).toBe(terms.length);
});
