import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeFileAtomic } from './atomic-file.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'flashgrid-file-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('a file is replaced as a whole, closed to others, and nothing else is left beside it', () => {
  const path = join(dir, 'file');
  writeFileAtomic(path, 'a longer first text');
  writeFileAtomic(path, 'second');
  expect(readFileSync(path, 'utf8')).toBe('second');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(dir)).toEqual(['file']);
});

test('a write that fails leaves no half file behind', () => {
  expect(() => writeFileAtomic(join(dir, 'missing', 'file'), 'x')).toThrow(/ENOENT/);
  // A folder can't be replaced by a file: the rename fails after the text was written.
  expect(() => writeFileAtomic(dir, 'x')).toThrow();
  expect(readdirSync(dir)).toEqual([]);
});
