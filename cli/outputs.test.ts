import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from './args.ts';
import { openOutputs } from './outputs.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'flashgrid-outputs-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('the files of --json, --html and --csv', () => {
  it('are looked at first, and nothing is left of that', async () => {
    const json = join(dir, 'deep', 'run.json');
    const outputs = await openOutputs({ json, csv: join(dir, 'run.csv') });
    expect(readdirSync(dir)).toEqual(['deep']);
    expect(readdirSync(join(dir, 'deep'))).toEqual([]);
    expect(outputs.formats).toEqual(['json', 'csv']);
    expect(await outputs.write('json', '{}')).toBe(json);
    expect(readFileSync(json, 'utf8')).toBe('{}');
  });

  it.each<[string, (dir: string) => Record<string, string>, RegExp]>([
    ['below a file', (at) => ({ html: join(at, 'file', 'x') }), /^--html .*can't be written/],
    ['that is a folder', (at) => ({ csv: at }), /^--csv .*it is a folder/],
    ['where no folder can be made', () => ({ json: '/proc/no/such' }), /^--json .*can't be written/],
    ['that two share', (at) => ({ json: join(at, 'a'), csv: join(at, '.', 'a') }), /--json and --csv/],
    ['that both are the standard output', () => ({ json: '-', html: '-' }), /--json and --html/],
  ])('refuse one %s, by the name of its option', async (_what, values, message) => {
    writeFileSync(join(dir, 'file'), '');
    const opening = openOutputs(values(dir));
    await expect(opening).rejects.toThrow(UsageError);
    await expect(opening).rejects.toThrow(message);
  });

  it('replace a file as a whole, through a link, and keep its mode', async () => {
    const path = join(dir, 'run.json');
    writeFileSync(path, 'old');
    chmodSync(path, 0o640);
    symlinkSync(path, join(dir, 'latest'));
    const outputs = await openOutputs({ json: join(dir, 'latest') });
    expect(readFileSync(path, 'utf8')).toBe('old');
    const before = statSync(path).ino;
    await outputs.write('json', 'new');
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(statSync(path).mode & 0o777).toBe(0o640);
    // Another file under the same name: the old one was never cut short.
    expect(statSync(path).ino).not.toBe(before);
    expect(readdirSync(dir).sort()).toEqual(['latest', 'run.json']);
  });

  it('leave a device what it is, and tell of a full one', async () => {
    const outputs = await openOutputs({ json: '/dev/full', html: '/dev/null' });
    await outputs.write('html', 'x');
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
    await expect(outputs.write('json', 'x')).rejects.toMatchObject({ failure: { code: 'cli.cantWrite' } });
  });

  it('take the standard output for a dash, so that people are told elsewhere', async () => {
    expect((await openOutputs({ json: '-' })).isStdoutTaken).toBe(true);
    expect((await openOutputs({ json: join(dir, 'a') })).isStdoutTaken).toBe(false);
    expect(readdirSync(dir)).toEqual([]);
  });
});
