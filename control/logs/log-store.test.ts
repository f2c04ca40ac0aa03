import { expect, it } from 'vitest';
import { LOG_CAPACITY, LogStore } from './log-store.ts';

const line = (
  text: string,
  atMs = 0,
  part = 'gateway-1',
  level: 'debug' | 'info' | 'warn' | 'error' = 'info',
) => ({ atMs, part, level, text });

it('keeps the newest lines and drops the oldest', () => {
  const store = new LogStore(() => undefined);
  for (let index = 0; index < LOG_CAPACITY + 10; index++) store.add(line(`line ${index}`));
  const { lines, total } = store.list({ limit: 5_000 });
  expect(total).toBe(LOG_CAPACITY);
  expect(lines.at(-1)?.text).toBe(`line ${LOG_CAPACITY + 9}`);
  expect(lines.every((entry, at) => at === 0 || entry.seq === (lines[at - 1]?.seq ?? 0) + 1)).toBe(true);
});

it('filters by part, level, text and time', () => {
  const store = new LogStore(() => undefined);
  store.add(line('started', 10));
  store.add(line('Slow Frame', 20, 'worker-1', 'warn'));
  store.add(line('fast frame', 30, 'worker-1', 'debug'));
  expect(store.list({ parts: ['worker-1'] }).total).toBe(2);
  expect(store.list({ minLevel: 'warn' }).lines.map((entry) => entry.text)).toEqual(['Slow Frame']);
  expect(store.list({ text: 'frame', fromMs: 25 }).lines.map((entry) => entry.text)).toEqual(['fast frame']);
  expect(store.list({ toMs: 15 }).total).toBe(1);
  expect(store.list({}).parts).toEqual(['gateway-1', 'worker-1']);
});

it('tells new lines in batches, and the rest when it is closed', () => {
  const batches: number[] = [];
  const store = new LogStore((lines) => batches.push(lines.length));
  store.add(line('a'));
  store.add(line('b'));
  store.close();
  expect(batches).toEqual([2]);
});

it('cuts a line that is far too long', () => {
  const store = new LogStore(() => undefined);
  store.add(line('x'.repeat(10_000)));
  expect(store.list({}).lines[0]?.text.length).toBeLessThan(4_100);
});

it('gives the first lines from a moment on, not the newest', () => {
  const store = new LogStore(() => undefined);
  for (let atMs = 0; atMs < 100; atMs++) store.add(line(`at ${atMs}`, atMs));
  const { lines, total, lastSeq } = store.list({ fromMs: 20, limit: 3 });
  expect(lines.map(({ atMs }) => atMs)).toEqual([20, 21, 22]);
  expect(total).toBe(80);
  expect(lastSeq).toBe(100);
});

it('gives the lines around a moment, with what led to it', () => {
  const store = new LogStore(() => undefined);
  for (let atMs = 0; atMs < 100; atMs++) store.add(line(`at ${atMs}`, atMs));
  expect(store.list({ aroundMs: 50, limit: 4 }).lines.map(({ atMs }) => atMs)).toEqual([48, 49, 50, 51]);
  expect(store.list({ aroundMs: 1, limit: 4 }).lines.map(({ atMs }) => atMs)).toEqual([0, 1, 2, 3]);
  expect(store.list({ aroundMs: 999, limit: 4 }).lines.map(({ atMs }) => atMs)).toEqual([98, 99]);
});

it('tells from when on it has kept every line', () => {
  const openedMs = Date.now();
  const store = new LogStore(() => undefined);
  expect(store.list({}).keptFromMs).toBeGreaterThanOrEqual(openedMs);
  for (let atMs = 0; atMs < LOG_CAPACITY + 10; atMs++) store.add(line('x', atMs));
  expect(store.list({}).keptFromMs).toBe(10);
});
