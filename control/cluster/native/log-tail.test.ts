import { appendFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LogLine } from '../../../contract/state.ts';
import { lastLines, levelOf, rotateLog, sizeOf, tailLog } from './log-tail.ts';

let dir = '';
let path = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'flashgrid-log-'));
  path = join(dir, 'backend.log');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('what is added is told line by line, a line in two pieces as one', () => {
  writeFileSync(path, 'old\n');
  const told: LogLine[] = [];
  const end = tailLog(path, sizeOf(path), 'redis', (line) => told.push(line));
  appendFileSync(path, 'first\n\nsec');
  appendFileSync(path, 'ond\nunfinished');
  end();
  expect(told.map((line) => line.text)).toEqual(['first', 'second']);
  expect(told[0]).toMatchObject({ part: 'redis', level: 'info' });
});

test('a storm is cut short, and said so', () => {
  const told: LogLine[] = [];
  const end = tailLog(path, 0, 'rabbitmq', (line) => told.push(line));
  writeFileSync(path, `${'x'.repeat(99)}\n`.repeat(5_000));
  end();
  expect(told[0]?.text).toMatch(/bytes of log left out/);
  expect(told.length).toBeLessThan(1_400);
  expect(told.length).toBeGreaterThan(1_000);
});

test('the last lines are those after the start of this run', () => {
  writeFileSync(path, 'of an earlier run\n');
  const from = sizeOf(path);
  appendFileSync(path, Array.from({ length: 20 }, (_, index) => `line ${index}\n`).join(''));
  expect(lastLines(path, from, 2)).toEqual(['line 18', 'line 19']);
  expect(lastLines(path, from, 99)).toHaveLength(20);
  expect(lastLines(join(dir, 'missing'), 0)).toEqual([]);
});

test('a log that has grown too big makes room, a small one stays', () => {
  writeFileSync(path, 'small');
  rotateLog(path);
  expect(existsSync(path)).toBe(true);
  writeFileSync(path, 'x'.repeat(9 * 1024 * 1024));
  rotateLog(path);
  expect(existsSync(path)).toBe(false);
  expect(sizeOf(`${path}.1`)).toBe(9 * 1024 * 1024);
});

test.each([
  ['2026-11-23 18:59:46.4+00:00 [warning] <0.223.0> careful', 'warn'],
  ['2026-11-23 18:59:46.4+00:00 [error] <0.223.0> broken', 'error'],
  ['2026-11-23 18:59:46.4+00:00 [notice] <0.223.0> hello', 'info'],
  ['2026-11-23 19:00:00.000 UTC [12] FATAL:  no', 'error'],
  ['2026-11-23 19:00:00.000 UTC [12] LOG:  ready', 'info'],
  ['12:M 23 Nov 2026 19:00:00.000 # Warning: overcommit', 'warn'],
  ['12:M 23 Nov 2026 19:00:00.000 * Ready', 'info'],
  ['12:M 23 Nov 2026 19:00:00.000 - Accepted', 'debug'],
  ['whatever', 'info'],
])('the level of "%s" is %s', (text, level) => {
  expect(levelOf(text)).toBe(level);
});
