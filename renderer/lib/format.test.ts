import { expect, it } from 'vitest';
import {
  formatBytes,
  formatCompact,
  formatCount,
  formatDuration,
  formatMs,
  formatShare,
  formatUptime,
  plural,
} from './format.ts';

it('groups the digits of counts', () => {
  expect(formatCount(9_980)).toBe('9,980');
  expect(formatCount(1_234_567.6)).toBe('1,234,568');
});

it.each([
  [0, '0'],
  [0.25, '0.3'],
  [9.4, '9.4'],
  [940, '940'],
  [999.6, '1000'],
  [1_234, '1.2k'],
  [12_000, '12k'],
  [33_412, '33.4k'],
  [120_400, '120k'],
  [999_600, '1M'],
  [4_560_000, '4.56M'],
])('writes %s compactly as %s', (value, text) => {
  expect(formatCompact(value)).toBe(text);
});

it.each([
  [0.42, '0.4 ms'],
  [12.4, '12 ms'],
  [1_240, '1.24 s'],
  [61_000, '61 s'],
])('writes %s ms as %s', (ms, text) => {
  expect(formatMs(ms)).toBe(text);
});

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

it.each([
  [512, '512 B'],
  [82 * 1024 ** 2, '82 MiB'],
  [1.4 * 1024 ** 3, '1.4 GiB'],
  [23.5 * 1024 ** 3, '23.5 GiB'],
  [1024 ** 2 - 100, '1 MiB'],
])('writes %s bytes as %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

it('never rounds a share up to all', () => {
  expect(formatShare(1)).toBe('100 %');
  expect(formatShare(0.999_99)).toBe('99.99 %');
  expect(formatShare(0.998)).toBe('99.8 %');
  expect(formatShare(0.5)).toBe('50 %');
  expect(formatShare(0)).toBe('0 %');
});

it('counts one thing as one', () => {
  expect(plural(1, 'ticket')).toBe('1 ticket');
  expect(plural(20, 'ticket')).toBe('20 tickets');
});
