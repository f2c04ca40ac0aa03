/** Documents name files, links and scripts. Each of them must be there: a newcomer follows them. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scripts } from '../../package.json';
import { madePages } from '../../scripts/docs.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (page: string) => readFileSync(join(root, page), 'utf8');
const pages = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.md'))
  .map((name) => join('docs', name))
  .concat('README.md', 'CONTRIBUTING.md', 'SECURITY.md');

const NOT_OURS = ['node_modules', 'out', 'dist'];
const FOLDERS = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !NOT_OURS.includes(entry.name))
  .map(({ name }) => name);
const SOURCE = /\.(?:tsx?|[cm]js|lua|sql|css)$/;

const topOf = (path: string) => path.split('/')[0] ?? '';

/** Paths of this repository in a text's code spans; `{a,b}` stands for both, a NAME for whatever comes. */
function pathsIn(text: string): string[] {
  return [...text.matchAll(/`([\w@./{},-]+)`/g)]
    .flatMap(([, span = '']) => {
      const [whole, choice] = /\{([^}]*)\}/.exec(span) ?? [];
      return whole === undefined ? [span] : (choice ?? '').split(',').map((one) => span.replace(whole, one));
    })
    .filter((path) => path.includes('/') && !path.includes('NAME') && !NOT_OURS.includes(topOf(path)))
    .filter((path) => FOLDERS.includes(topOf(path)) || SOURCE.test(path));
}

/** The anchors of a page, as the repository's host makes them of headings. */
const anchorsOf = (text: string) =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

function brokenLinks(page: string): string[] {
  return [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => {
    const [file = '', anchor] = link.split('#');
    if (/^[a-z]+:/.test(link)) return [];
    const target = file === '' ? page : join(dirname(page), file);
    const isThere = existsSync(join(root, target));
    return isThere && (anchor === undefined || anchorsOf(read(target)).includes(anchor)) ? [] : [link];
  });
}

it('finds what is named, and nothing else', () => {
  const text = 'See `lua/{a,b}.lua`, `gone/c.ts`, `docs/NAME.md`, `node_modules/d.mjs`, `a/b` and `e.ts`.';
  expect(pathsIn(text)).toEqual(['lua/a.lua', 'lua/b.lua', 'gone/c.ts']);
  expect(anchorsOf('# A\n\n## From `POST /reserve` to it')).toEqual(['a', 'from-post-reserve-to-it']);
});

describe.each(pages)('%s', (page) => {
  it('names files that are there', () => {
    const missing = pathsIn(read(page)).filter((path) => !existsSync(join(root, path)));
    expect(missing).toEqual([]);
  });

  it('links to pages and headings that are there', () => {
    expect(brokenLinks(page)).toEqual([]);
  });

  it('names scripts that are there', () => {
    const named = [...read(page).matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name);
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });
});

it('has docs that are equal to the tables they are made from (npm run docs)', async () => {
  for (const { path, text, made } of await madePages()) expect(text, path).toBe(made);
});
