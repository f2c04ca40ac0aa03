import { describe, expect, it } from 'vitest';
import { loadSchema } from '../../../contract/run-record.ts';
import type { ResultMessage } from '../protocol/generator-messages.ts';
import { LatencyHistogram } from '../protocol/latency-histogram.ts';
import { summariseLoad } from './load-summary.ts';
import { attackSettingsSchema } from '../../../contract/attack-settings.ts';

const burst = attackSettingsSchema.parse({ profile: 'burst' });
const sustained = attackSettingsSchema.parse({ profile: 'sustained', ratePerSec: 100, durationSec: 10 });

const histogram = (...valuesMs: number[]) => {
  const filled = new LatencyHistogram();
  for (const value of valuesMs) filled.recordUs(value * 1000);
  return filled.data();
};

function result(change: Partial<ResultMessage> = {}): ResultMessage {
  return {
    type: 'result',
    asked: 1_000,
    causes: {},
    sent: 1_000,
    accepted: 600,
    rejected: 390,
    unknown: 10,
    firstSentMs: 5,
    lastAnswerMs: 4_005,
    endMs: 9_000,
    firstWaveMs: 12,
    lastSentMs: 3_905,
    latencies: [{ outcome: 'accepted', from: 'sent', histogram: histogram(1, 2, 3) }],
    statusCounts: { '202': 600, '409': 390 },
    loopLag: histogram(1, 2),
    cpuMicros: 4_500_000,
    lateForConnections: 0,
    lateForGenerator: 0,
    ...change,
  };
}

describe('the summary of a load', () => {
  it('counts answers a second from the first request to the last answer, not to the last time-out', () => {
    const load = summariseLoad(burst, [result()]);
    expect(load).toMatchObject({ durationMs: 4_000, rps: 247.5, generator: { cpuShare: 0.5, limits: [] } });
    expect(loadSchema.parse(load)).toEqual(load);
  });

  it('adds the processes up, over the time of all of them', () => {
    const other = result({
      firstSentMs: 2,
      lastAnswerMs: 5_002,
      latencies: [
        { outcome: 'rejected', from: 'sent', histogram: histogram(50) },
        { outcome: 'unknown', from: 'sent', histogram: histogram(70) },
      ],
      cpuMicros: 7_200_000,
    });
    const load = summariseLoad(burst, [result(), other]);
    expect(load).toMatchObject({
      sent: 2_000,
      accepted: 1_200,
      rejected: 780,
      unknown: 20,
      durationMs: 5_000,
      rps: 396,
      statusCounts: { '202': 1_200, '409': 780 },
      generator: { processes: 2, cpuShare: 0.8 },
    });
    expect(load.latencyMs.max).toBe(50);
    // The first request left at 2 ms, in the other process.
    expect(load.sending).toEqual({ firstWaveMs: 10, lastMs: 3_903 });
    const slowest = load.latencies?.map(({ outcome, count, percentiles }) => [
      outcome,
      count,
      percentiles.at(-1),
    ]);
    expect(slowest).toEqual([
      ['answered', 4, [100, 50]],
      ['accepted', 3, [100, 3]],
      ['rejected', 1, [100, 50]],
      ['unknown', 1, [100, 70]],
    ]);
  });

  it('counts from the intended times under a rate, and keeps those from the sending beside them', () => {
    const latencies: ResultMessage['latencies'] = [
      { outcome: 'accepted', from: 'intended', histogram: histogram(500) },
      { outcome: 'accepted', from: 'sent', histogram: histogram(20) },
    ];
    const load = summariseLoad(sustained, [result({ latencies })]);
    expect(load.latencyMs).toMatchObject({ p50: 500, p9999: 500, max: 500 });
    expect(load.latencies?.map(({ outcome, from, meanMs }) => [outcome, from, meanMs])).toEqual([
      ['answered', 'intended', 500],
      ['answered', 'sent', 20],
      ['accepted', 'intended', 500],
      ['accepted', 'sent', 20],
    ]);
  });

  it('is finite when nobody answered', () => {
    const none = result({
      accepted: 0,
      rejected: 0,
      unknown: 1_000,
      lastAnswerMs: 0,
      latencies: [],
    });
    expect(loadSchema.parse(summariseLoad(burst, [none]))).toMatchObject({ rps: 0, durationMs: 8_995 });
  });

  it.each([
    ['a full core', burst, { cpuMicros: 8_900_000 }, /98\.9 % of a core/],
    ['a late loop in a burst', burst, { loopLag: histogram(600), cpuMicros: 8_000_000 }, /600 ms late/],
    ['a late loop under a rate', sustained, { loopLag: histogram(150) }, /150 ms late/],
    [
      'too few connections',
      { ...sustained, connections: 2 },
      { lateForConnections: 30 },
      /97 % .* all 2 connections were waiting/,
    ],
    ['a late generator', sustained, { lateForGenerator: 30 }, /97 % .* generator was late/],
  ] as const)('says that the generator was the limit: %s', (_, settings, change, expected) => {
    expect(summariseLoad(settings, [result(change)]).generator.limits).toEqual([
      expect.stringMatching(expected),
    ]);
  });

  it.each([
    ['nobody else', { otherCores: 0.4, stealShare: 0.04 }, []],
    ['nobody that is known', {}, []],
    [
      'a program that takes a core',
      { otherCores: 0.97, others: [{ name: 'sh (process 7)', cores: 0.9 }] },
      [/^Other programs used 1 of this machine's 2 cores meanwhile \(sh \(process 7\) 0\.9\)/],
    ],
    ['a hypervisor', { stealShare: 0.12 }, [/^The hypervisor took 12 % /]],
  ])('says who else used the machine in every profile: %s', (_, change, expected) => {
    const machine = {
      cores: [
        { busy: 1, most: 1 },
        { busy: 0.5, most: 1 },
      ],
      ...change,
    };
    for (const settings of [burst, sustained]) {
      const { generator } = summariseLoad(settings, [result(), result({ cpuMicros: 900_000 })], machine);
      expect(generator.limits).toEqual(expected.map((one) => expect.stringMatching(one) as string));
      expect(generator).toMatchObject({ machine, each: [{ cpuShare: 0.5 }, { cpuShare: 0.1 }] });
    }
  });

  it('tells connections that this machine could not open', () => {
    const causes = { EMFILE: 12, ECONNREFUSED: 3 };
    expect(summariseLoad(burst, [result({ causes })]).generator.limits).toEqual([
      expect.stringMatching(/^This machine could not open 12 connections \(EMFILE\)\. Raise/),
    ]);
  });

  it('blames the system under test when all connections wait long for its answers', () => {
    const load = summariseLoad(sustained, [result({ lateForConnections: 300, lateForGenerator: 20 })]);
    expect(load.generator.limits).toEqual([]);
    expect(load.systemLimit).toMatch(/^Only 68 % .* the system under test was late/);
    expect(summariseLoad(sustained, [result()]).systemLimit).toBeUndefined();
  });

  it('counts what was not sent, and why the gateways were given up', () => {
    const causes = { timeout: 100, '503 unconfirmed': 3 };
    const gaveUp = { silentMs: 10_000, cause: 'timeout', unsent: 400 };
    const load = summariseLoad(burst, [result({ asked: 1_400, causes, gaveUp }), result({ causes })]);
    expect(load).toMatchObject({
      sent: 2_000,
      unsent: 400,
      causes: { timeout: 200, '503 unconfirmed': 6 },
      gaveUp: { silentMs: 10_000, cause: 'timeout' },
    });
    expect(loadSchema.parse(load)).toEqual(load);
  });

  it.each([
    ['a full core in a short burst, which is all warm-up', burst, { cpuMicros: 990_000, endMs: 1_000 }],
    ['a loop that a burst floods', burst, { loopLag: histogram(150), cpuMicros: 8_000_000 }],
    ['a loop that waits for its turn on a busy machine', burst, { loopLag: histogram(900) }],
    ['a few late requests', sustained, { lateForGenerator: 10, lateForConnections: 9 }],
  ] as const)('does not blame the generator for %s', (_, settings, change) => {
    expect(summariseLoad(settings, [result(change)]).generator.limits).toEqual([]);
  });
});
