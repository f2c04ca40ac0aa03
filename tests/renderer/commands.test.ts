/** Whatever the contract can do, a person can do from a window: every command is called somewhere in the renderer. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commands } from '../../contract/contract.ts';

const RENDERER = resolve(import.meta.dirname, '../../renderer');

const sources = readdirSync(RENDERER, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path) && !/\.test\.tsx?$/.test(path))
  .map((path) => readFileSync(join(RENDERER, path), 'utf8'));

/** The names that no source calls: `call('area.verbNoun'`, or the like of it. */
function unreachable(names: readonly string[]): readonly string[] {
  return names.filter(
    (name) => !sources.some((source) => new RegExp(`all\\w*\\(\\s*'${name}'`).test(source)),
  );
}

describe('the renderer', () => {
  it('calls every command of the contract, but for those that a page must not give', () => {
    // A page could otherwise confirm its own change of an image or a URL, or its attack on what is not ours; a shop is served for a
    // terminal.
    expect(unreachable(Object.keys(commands))).toEqual(['app.confirmAsk', 'lab.serveDesign', 'lab.endShop']);
  });

  it('is found out when it misses one', () => {
    expect(unreachable(['cluster.start', 'cluster.paintItBlack'])).toEqual(['cluster.paintItBlack']);
  });
});
