import { describe, expect, it } from 'vitest';
import { dataDirOf, dataDirProblem } from './app-paths.ts';

describe('the data folder', () => {
  it.each<[string | undefined, string | undefined, RegExp | undefined]>([
    ['', undefined, /--data-dir is empty/],
    [' ', '/x', /--data-dir is empty/],
    [undefined, '', /FLASHGRID_HOME is empty/],
    ['~/x', undefined, /Write the whole path/],
    [undefined, '~', /Write the whole path/],
    ['~x', undefined, undefined],
    ['/x', '', undefined],
    [undefined, undefined, undefined],
  ])('of --data-dir %j and FLASHGRID_HOME %j is never a guess', (option, home, expected) => {
    const env = home === undefined ? {} : { FLASHGRID_HOME: home };
    const problem = dataDirProblem(option, env);
    if (expected) expect(problem).toMatch(expected);
    else expect(problem).toBeUndefined();
  });

  it('is the option before the variable', () => {
    expect(dataDirOf('/a', { FLASHGRID_HOME: '/b' })).toBe('/a');
    expect(dataDirOf(undefined, { FLASHGRID_HOME: '/b' })).toBe('/b');
  });
});
