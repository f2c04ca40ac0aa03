import { expect, it } from 'vitest';
import { computeLatencies, quantile } from './stalls.ts';

const load = { requests: 1_000, ratePerSec: 100, connections: 20 };
/** 400 ms of each second. */
const stalls = Array.from({ length: 10 }, (_, at) => ({ fromMs: at * 1_000 + 600, toMs: (at + 1) * 1_000 }));

it('has every request that was due in a stall wait for its end, from the intended send time', () => {
  const { intended } = computeLatencies(load, stalls);
  // A share q of all waits no longer than what a stall of S in each T leaves: S − T (1 − q).
  for (const share of [0.65, 0.75, 0.9, 0.99])
    expect(quantile(intended, share)).toBeCloseTo(400 - 1_000 * (1 - share), -2);
  expect(quantile(intended, 0.6)).toBe(0);
  expect(intended.at(-1)).toBeCloseTo(400);
});

it('has only those wait that a connection was left for, from the actual send time', () => {
  const { sent } = computeLatencies(load, stalls);
  expect(sent.filter((ms) => ms > 0)).toHaveLength(20 * 10);
  // The first that leaves waits for the whole stall, the last free connection's for 190 ms less.
  expect([sent.at(-1), sent.find((ms) => ms > 0)].map((ms) => Math.round(ms ?? 0))).toEqual([400, 210]);
});

it('is never slow without a stall', () => {
  const { intended, sent } = computeLatencies(load, []);
  expect([...intended, ...sent].every((ms) => ms === 0)).toBe(true);
});
