import { describe, expect, it } from 'vitest';
import { UsageError } from '../contract/attack-options.ts';
import { fixtureRun } from '../tests/support/run-fixture.ts';
import { parseTerminal } from './args.ts';
import { attemptOf, limitSentences } from '../contract/limit.ts';
import { readLimit } from './find-limit.ts';

const read = (...argv: string[]) => readLimit({ values: parseTerminal(['find-limit', ...argv]).values });
const plan = { fromPerSec: 100, toPerSec: 5_000, confirm: 3 };
const NONE = { heldPerSec: undefined, brokenPerSec: undefined, untoldPerSec: undefined };

describe('find-limit', () => {
  it('takes an attack, thresholds, and a range of rates', () => {
    expect(read('--slo', 'p99<50ms', 'errors<1%', '--from', '100', '--to', '5000', '--stock', '9')).toEqual({
      plan,
      settings: expect.objectContaining({
        profile: 'sustained',
        ratePerSec: 100,
        durationSec: 10,
        slo: 'p99<50ms errors<1%',
        stock: 9,
      }) as unknown,
    });
    expect(read('--max-p99', '20', '--duration', '3', '--preset', 'shed').settings).toMatchObject({
      durationSec: 3,
      mode: 'shed',
    });
  });

  it.each([
    [[], /needs a threshold that can break/],
    [['--slo', 'p99<5ms', '--rate', '5'], /--rate does not go with find-limit/],
    [['--slo', 'p99<5ms', '--from', '50', '--to', '50'], /--to must be a whole number from 51/],
    [['--slo', 'p99<5ms', '--confirm', '0'], /--confirm must be/],
  ])('refuses %j and names the option', (argv, message) => {
    expect(() => read(...argv)).toThrow(UsageError);
    expect(() => read(...argv)).toThrow(message);
  });

  it('judges an attack by its thresholds, by what the system did not take, and never by a doubtful one', () => {
    const run = fixtureRun();
    const { load } = run;
    expect(attemptOf(5, run).result).toBe('held');
    expect(attemptOf(5, { ...run, load: { ...load, systemLimit: 'late' } })).toMatchObject({
      result: 'broken',
      reasons: ['late'],
    });
    const missed = { ...run, verdict: 'fail' as const, exitCode: 4, reasons: ['slow'] };
    expect(attemptOf(5, missed)).toMatchObject({ result: 'broken', reasons: ['slow'] });
    const withheld = { ...run, speed: { withheld: ['the generator was late'], notJudged: [] } };
    expect(attemptOf(5, withheld)).toMatchObject({ result: 'untold', reasons: ['the generator was late'] });
    expect(() => attemptOf(5, { ...missed, exitCode: 3 })).toThrow(/The search is stopped: slow/);
  });

  it('says the knee, its range, and which threshold broke', () => {
    const at = (ratePerSec: number, result: 'held' | 'broken' | 'untold', ...reasons: string[]) => ({
      ratePerSec,
      result,
      reasons,
    });
    const attempts = [
      at(1_000, 'held'),
      at(1_050, 'broken', 'p99 was 60 ms.'),
      at(1_050, 'broken', 'p99 was 60 ms.'),
    ];
    expect(
      limitSentences({ ...NONE, kind: 'found', heldPerSec: 1_000, brokenPerSec: 1_050, attempts }, plan),
    ).toEqual([
      'The limit is 1,000 requests/s: the highest rate that held in each of 3 attacks.',
      'It is between 1,000 requests/s and 1,050 requests/s, which broke in each of 3 attacks.',
      'Broken: p99 was 60 ms.',
    ]);
    expect(limitSentences({ ...NONE, kind: 'above', heldPerSec: 5_000, attempts }, plan)[0]).toMatch(
      /No limit up to 5,000 requests\/s/,
    );
    expect(
      limitSentences(
        { ...NONE, kind: 'below', brokenPerSec: 100, attempts: [at(100, 'broken', 'x.')] },
        plan,
      ),
    ).toEqual([
      'The limit is below 100 requests/s, the lowest rate: give a lower first rate (--from).',
      'Broken: x.',
    ]);
    expect(
      limitSentences(
        {
          ...NONE,
          kind: 'untold',
          heldPerSec: 400,
          untoldPerSec: 800,
          attempts: [at(800, 'untold', 'late.')],
        },
        plan,
      ),
    ).toEqual([
      'The system held 400 requests/s. More could not be told: the attacks at 800 requests/s say nothing about it.',
      'late.',
    ]);
  });
});
