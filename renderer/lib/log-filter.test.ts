import { expect, it } from 'vitest';
import type { LogEntry } from '../../contract/state.ts';
import { indexAt, joinLines, linesSince, logText, matcherOf, type LogFilter } from './log-filter.ts';

const line = (seq: number, over: Partial<LogEntry> = {}): LogEntry => ({
  seq,
  atMs: seq * 10,
  part: 'gateway-1',
  level: 'info',
  text: 'frame Confirmed',
  ...over,
});
const matches = (entry: LogEntry, filter: LogFilter) => matcherOf(filter)(entry);
const all = { parts: [], minLevel: 'debug', text: '' } as const;

it('filters by part, level and text', () => {
  expect(matches(line(1), all)).toBe(true);
  expect(matches(line(1), { ...all, parts: ['worker-1'] })).toBe(false);
  expect(matches(line(1), { ...all, minLevel: 'warn' })).toBe(false);
  expect(matches(line(1, { level: 'error' }), { ...all, minLevel: 'warn' })).toBe(true);
  expect(matches(line(1), { ...all, text: 'confirmed' })).toBe(true);
  expect(matches(line(1), { ...all, text: 'refused' })).toBe(false);
});

it('joins lines without repeating any, and keeps the newest', () => {
  const joined = joinLines([line(1), line(2)], [line(2), line(3), line(4)], 3);
  expect(joined.map(({ seq }) => seq)).toEqual([2, 3, 4]);
});

it('finds the first line of a moment, or the last line there is', () => {
  const lines = [line(1), line(2), line(3)];
  expect(indexAt(lines, 15)).toBe(1);
  expect(indexAt(lines, 999)).toBe(2);
  expect(indexAt([], 1)).toBe(0);
});

it('takes only lines that are new, and sees when some are missing', () => {
  const lines = [line(3), line(4), line(5)];
  expect(linesSince(lines, 3)).toEqual({ fresh: [lines[1], lines[2]], isGap: false });
  expect(linesSince(lines, 5)).toEqual({ fresh: [], isGap: false });
  expect(linesSince(lines, 1).isGap).toBe(true);
  expect(linesSince([line(6), line(9)], 5).isGap).toBe(true);
});

it('writes lines as a file: moment, part, level and text of each', () => {
  expect(logText([line(1), line(2, { level: 'warn', part: 'redis', text: 'slow' })])).toBe(
    '1970-01-01T00:00:00.010Z gateway-1 info frame Confirmed\n1970-01-01T00:00:00.020Z redis warn slow\n',
  );
});
