import { describe, expect, it } from 'vitest';
import { fixtureParts, fixtureRun } from '../tests/support/run-fixture.ts';
import { percent } from './format.ts';
import { SLO_METRICS, SloSyntaxError, missedSlos, parseSlos } from './slo.ts';

const run = fixtureRun();

describe('a threshold', () => {
  it.each([
    ['p98<50ms', 'there is no metric "p98", only p50'],
    ['toString<5', 'there is no metric "toString"'],
    ['p99<50', 'p99 takes the unit us or µs or ms or s'],
    ['p99<50GB', 'p99 takes the unit'],
    ['errors<1', 'errors takes the unit %'],
    ['unknown==0ms', 'unknown is a number, without a unit'],
    ['p99=50ms', 'write METRIC<VALUE'],
    ['p99<', 'write METRIC<VALUE'],
    ['fast', 'write METRIC<VALUE'],
  ])('that is misspelt is refused with what would be right: %s', (text, why) => {
    expect(() => parseSlos(`rps>1 ${text}`)).toThrow(SloSyntaxError);
    expect(() => parseSlos(text)).toThrow(why);
  });

  it('is compared in the unit that it is written in', () => {
    const at = (p99: number) => ({
      ...run,
      load: { ...run.load, latencyMs: { ...run.load.latencyMs, p99 } },
    });
    expect(missedSlos('p99<50ms p99<0.05s p99<50000us', at(49.9))).toEqual([]);
    expect(missedSlos('p99<50ms p99<=50ms p99>=50ms p99==50ms', at(50))).toEqual([
      'The p99 latency was 50 ms; below 50 ms was asked for (p99<50ms).',
    ]);
    expect(missedSlos('p99<0.05s', at(51))).toHaveLength(1);
  });

  it('reads the longest time without an accepted request, of the times in which any was sent', () => {
    const read = (...column: [sent: number, accepted: number][]) =>
      SLO_METRICS.without_service.read({
        ...run,
        series: column.map(([sent, accepted], at) => ({ tMs: (at + 1) * 100, remaining: 1, sent, accepted })),
      });
    expect(read([5, 5], [5, 0], [5, 0], [5, 3], [5, 5], [5, 0], [5, 9])).toBe(200);
    expect(read([5, 5], [0, 0], [0, 0], [5, 5])).toBe(0);
    // It never served again; what came after the last request counts for nothing.
    expect(read([5, 5], [5, 0], [5, 0], [5, 0], [0, 0])).toBe(300);
    expect(read([5, 5], [5, 0], [0, 0], [0, 5])).toBe(100);
    expect(read([5, 0], [5, 0], [5, 5])).toBe(200);
  });

  it('can be set on every metric', () => {
    for (const name of Object.keys(SLO_METRICS)) {
      const unit = { time: 'ms', share: '%', rate: '/s', count: '' }[SLO_METRICS[name]?.unit ?? 'count'];
      expect(missedSlos(`${name}>=0${unit}`, run)).toEqual([]);
      expect(missedSlos(`${name}<0${unit}`, run)).toHaveLength(1);
    }
  });

  it('counts requests without an answer, and answers of 5xx, as errors', () => {
    const { load } = fixtureParts();
    const broken = {
      ...run,
      load: {
        ...load,
        sent: 1_000,
        unknown: 2,
        statusCounts: { 202: 995, 503: 3 },
        causes: { '503 unconfirmed': 1 },
      },
    };
    expect(missedSlos('errors<0.4%', broken)).toEqual([
      'The share of requests that failed (5xx or no answer) was X; below X was asked for (errors<0.4%).'.replaceAll(
        'X',
        percent(0.004),
      ),
    ]);
    expect(missedSlos('errors<=0.4% unknown<3', broken)).toEqual([]);
  });

  it('is missed by a run that never came to what it measures', () => {
    expect(missedSlos('time_to_sold_out<2s', { ...run, series: [] })).toEqual([
      'The time until the sale was sold out is not known: it never came to that; below 2 s was asked for (time_to_sold_out<2s).',
    ]);
  });
});
