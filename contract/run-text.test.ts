import { expect, it } from 'vitest';
import { attackSettingsSchema } from './attack-settings.ts';
import { sendingText } from './attack-text.ts';
import type { RunRecord } from './run-record.ts';
import { faultRows, longestGapMs, titleOf } from './run-text.ts';

it('calls a run by its crowd, its tickets and what was broken', () => {
  const title = (settings: object) => titleOf(attackSettingsSchema.parse(settings));
  expect(title({ profile: 'burst' })).toBe('10,000 buyers, 20 tickets');
  expect(title({ profile: 'sustained', ratePerSec: 2_600, durationSec: 20, stock: 1 })).toBe(
    '2,600 buyers a second for 20 seconds, 1 ticket',
  );
  expect(title({ profile: 'burst', requests: 60_000, faults: 'kill:workers@25%' })).toBe(
    '60,000 buyers, 20 tickets, workers killed',
  );
});

it('counts requests where a buyer sends more than one, and buyers where each of them sends one', () => {
  const title = (settings: object) => titleOf(attackSettingsSchema.parse({ profile: 'burst', ...settings }));
  expect(title({ requestsPerBuyer: 2 })).toBe('10,000 requests, 20 tickets');
  for (const more of ['double-click:10%', 'retry:5%', 'bot:1%'])
    expect(title({ behaviours: more })).toBe('10,000 requests, 20 tickets');
  expect(title({ behaviours: 'leaves:10% slow-reader:1%' })).toBe('10,000 buyers, 20 tickets');
  expect(
    titleOf(
      attackSettingsSchema.parse({
        profile: 'sustained',
        ratePerSec: 500,
        durationSec: 2,
        requestsPerBuyer: 3,
      }),
    ),
  ).toBe('500 requests a second for 2 seconds, 20 tickets');
  expect(title({ sales: 50 })).toBe('10,000 buyers, 50 sales of 20 tickets each');
});

it('says how many of the requests can leave at once', () => {
  const text = (settings: object) => sendingText(attackSettingsSchema.parse(settings));
  expect(text({ profile: 'burst' })).toBe('10,000 requests over 1,000 connections');
  expect(text({ profile: 'burst', requests: 10 })).toBe('10 requests over 10 connections');
});

it('tells each fault with its moment, what it hit, and whether it took effect', () => {
  const faults = [
    {
      fault: 'pause:redis@1s+2s',
      target: 'redis',
      tMs: 1_000,
      endMs: 3_040,
      effect: 'It stood.',
      hadEffect: true,
    },
    { fault: 'kill:worker@start', target: 'worker-1', tMs: -5, effect: 'It ended.', hadEffect: true },
    { fault: 'kill:redis@9s', target: 'redis', effect: 'Its moment never came.', hadEffect: false },
  ];
  expect(faultRows({ faults }).map(({ moment, title, word }) => [moment, title, word])).toEqual([
    ['1.0 s to 3.0 s', 'Redis paused for 2 s', 'yes'],
    ['the start', 'worker-1 killed', 'yes'],
    ['never', 'Redis killed', 'no'],
  ]);
  expect(faultRows({})).toEqual([]);
});

it('measures the longest time in which nothing was accepted', () => {
  const series = (accepted: readonly number[]) =>
    accepted.map((count, at) => ({ tMs: (at + 1) * 100, accepted: count })) as RunRecord['series'];
  expect(longestGapMs(series([5, 5, 5, 0, 0]))).toBe(0);
  expect(longestGapMs(series([0, 5, 0, 0, 0, 5, 0, 5, 0]))).toBe(300);
  expect(longestGapMs([])).toBe(0);
});
