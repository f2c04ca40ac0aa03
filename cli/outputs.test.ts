import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import {
  chmodSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { UsageError } from '../contract/attack-options.ts';
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
    ['that both are the standard output', () => ({ json: '-', html: '-' }), /--html and --json/],
    ['that both are it, by another name', () => ({ json: '-', html: '/dev/stdout' }), /--html and --json/],
    [
      'that is a pipe without a reader',
      (at) => ({ json: join(at, 'pipe') }),
      /^--json .*it is a named pipe\./,
    ],
    ['that leads to one', (at) => ({ html: join(at, 'to-pipe') }), /^--html .*it is a named pipe\./],
    ['that is a socket', (at) => ({ csv: join(at, 'socket') }), /^--csv .*it is a socket\./],
    ['that no descriptor has', () => ({ csv: '/dev/fd/999' }), /^--csv .*can't be written/],
  ])('refuse one %s, by the name of its option', async (_what, values, message) => {
    writeFileSync(join(dir, 'file'), '');
    execFileSync('mkfifo', [join(dir, 'pipe')]);
    symlinkSync(join(dir, 'pipe'), join(dir, 'to-pipe'));
    const server = createServer().listen(join(dir, 'socket'));
    onTestFinished(() => void server.close());
    await once(server, 'listening');
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

  it('write to what the shell has opened, such as the pipe of a process', async () => {
    const path = join(dir, 'open');
    const descriptor = openSync(path, 'w');
    const outputs = await openOutputs({ json: `/dev/fd/${descriptor}` });
    await outputs.write('json', '{}');
    closeSync(descriptor);
    expect(readFileSync(path, 'utf8')).toBe('{}');
  });

  it('take the standard output for a dash, so that people are told elsewhere', async () => {
    for (const json of ['-', '/dev/stdout', '/dev/fd/1', '/proc/self/fd/1'])
      expect((await openOutputs({ json })).isStdoutTaken).toBe(true);
    expect((await openOutputs({ json: join(dir, 'a') })).isStdoutTaken).toBe(false);
    expect(readdirSync(dir)).toEqual([]);
  });
});
