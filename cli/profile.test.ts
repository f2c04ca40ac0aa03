import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { UsageError, readAttack } from '../contract/attack-options.ts';
import { parseTerminal } from './args.ts';
import { Output } from './output.ts';
import { readProfile, saveProfile } from './profile.ts';

let dir = '';
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'flashgrid-profile-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const valuesOf = (...argv: string[]) => parseTerminal(['attack', ...argv]).values;
const attackOf = (...argv: string[]) => readAttack(valuesOf(...argv), readProfile(valuesOf(...argv)));

it('is written with a name, and made again with other options over it', () => {
  const written: string[] = [];
  const stream = {
    writableNeedDrain: false,
    write: (text: string) => written.push(text) > 0,
    on: () => undefined,
  };
  const out = new Output(stream, () => undefined);
  const argv = [
    '--stages',
    '0..50@2s',
    '--stock',
    '7',
    '--slo',
    'p99<50ms',
    '--save-profile',
    join(dir, 'two'),
  ];
  expect(saveProfile({ values: valuesOf(...argv), out }, attackOf(...argv))).toBe(true);
  const file = join(dir, 'two.flashgrid.json');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
    format: 'flashgrid.profile/1',
    name: 'two',
  });
  expect(written.join('').replaceAll(/\s+/g, '')).toContain(file);
  expect(attackOf('--profile', file)).toEqual(attackOf(...argv));
  expect(attackOf('--profile', file, '--stock', '8')).toEqual({ ...attackOf(...argv), stock: 8 });
  // Another load takes the place of the stages.
  expect(attackOf('--profile', file, '--requests', '30')).toMatchObject({ profile: 'burst', stock: 7 });
  expect(saveProfile({ values: valuesOf(), out }, attackOf())).toBe(false);
});

it('is refused with the file, the field and what to do', () => {
  const file = join(dir, 'bad.json');
  writeFileSync(file, '{"format":"flashgrid.profile/1","name":"x","attack":{"profile":"burst","stock":0}}');
  expect(() => attackOf('--profile', file)).toThrow(UsageError);
  expect(() => attackOf('--profile', file)).toThrow(`--profile: ${file}: attack.stock must be at least 1.`);
  expect(() => attackOf('--profile', join(dir, 'none'))).toThrow(/--profile: .*none can't be read/);
  expect(() => attackOf('--profile', file, '--preset', 'crash')).toThrow(UsageError);
});
