import { expect, it } from 'vitest';
import { byteSize, compact, milliseconds, percent, plural, whole } from './format.ts';

it('groups the digits of counts', () => {
  expect(whole(9_980)).toBe('9,980');
  expect(whole(1_234_567.6)).toBe('1,234,568');
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
  expect(compact(value)).toBe(text);
});

it.each([
  [0, '0 ms'],
  [0.42, '0.42 ms'],
  [12.42, '12.4 ms'],
  [99.97, '100 ms'],
  [240.6, '241 ms'],
  [999.6, '1 s'],
  [1_240, '1.24 s'],
  [61_000, '61 s'],
])('writes %s ms as %s', (ms, text) => {
  expect(milliseconds(ms)).toBe(text);
});

it.each([
  [512, '512 B'],
  [82 * 1024 ** 2, '82 MiB'],
  [1.4 * 1024 ** 3, '1.4 GiB'],
  [23.5 * 1024 ** 3, '23.5 GiB'],
  [1024 ** 2 - 100, '1 MiB'],
])('writes %s bytes as %s', (bytes, text) => {
  expect(byteSize(bytes)).toBe(text);
});

it('never rounds a share up to all', () => {
  expect(percent(1)).toBe('100 %');
  expect(percent(0.999_99)).toBe('99.99 %');
  expect(percent(0.998)).toBe('99.8 %');
  expect(percent(0.989)).toBe('98.9 %');
  expect(percent(0.999_999_9)).toBe('99.99 %');
  expect(percent(1.25)).toBe('125 %');
  expect(percent(0.5)).toBe('50 %');
  expect(percent(0)).toBe('0 %');
});

it('counts one thing as one', () => {
  expect(plural(1, 'ticket')).toBe('1 ticket');
  expect(plural(20, 'ticket')).toBe('20 tickets');
});
