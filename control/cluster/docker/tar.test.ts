import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { packTar } from './tar.ts';

test('the tar command unpacks it: contents, modes and names', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flashgrid-tar-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const long = 'ä'.repeat(300);
  const archive = packTar([
    { path: '/etc/flashgrid/a.conf', text: 'one\n', mode: 0o444 },
    { path: '/b', text: long, mode: 0o600 },
    { path: '/empty', text: '', mode: 0o644 },
  ]);
  expect(archive.length % 512).toBe(0);
  const { status, stderr } = spawnSync('tar', ['-xf', '-', '-C', folder], {
    input: archive,
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
  expect(readFileSync(join(folder, 'etc/flashgrid/a.conf'), 'utf8')).toBe('one\n');
  expect(statSync(join(folder, 'etc/flashgrid/a.conf')).mode & 0o777).toBe(0o444);
  expect(readFileSync(join(folder, 'b'), 'utf8')).toBe(long);
  expect(readFileSync(join(folder, 'empty'), 'utf8')).toBe('');
});

test('equal files make equal archives, and a path that does not fit is refused', () => {
  const files = [{ path: '/a', text: 'x', mode: 0o444 }];
  expect(packTar(files)).toEqual(packTar(files));
  expect(() => packTar([{ path: `/${'x'.repeat(101)}`, text: '', mode: 0o444 }])).toThrow(RangeError);
});
