import { expect, it } from 'vitest';
import { formatDuration, formatUptime } from './format.ts';

it.each([
  [-5, '0 s', '0 s'],
  [42_000, '42 s', '42 s'],
  [187_000, '3 min 07 s', '3 min'],
  [7_500_000, '2 h 05 min', '2 h'],
  [273_600_000, '3 d 4 h', '3 d'],
])('writes a time of %s ms as %s, or shortly %s', (ms, text, short) => {
  expect(formatDuration(ms)).toBe(text);
  expect(formatUptime(ms)).toBe(short);
});
