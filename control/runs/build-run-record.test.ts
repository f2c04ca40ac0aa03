import { attackSettingsSchema } from '../../contract/attack-settings.ts';
import { describe, expect, it } from 'vitest';
import { fixtureLoad, fixtureParts, fixtureRun } from '../../tests/support/run-fixture.ts';
import type { AttackSettingsInput } from '../../contract/attack-settings.ts';
import { buildRunRecord, judgeRun } from './build-run-record.ts';
import { runRecordSchema } from '../../contract/run-record.ts';
import type { Load } from '../../contract/run-record.ts';

const sustained: AttackSettingsInput = {
  profile: 'sustained',
  ratePerSec: 1_000,
  durationSec: 10,
  connections: 100,
  stock: 20,
};
const limited: Load['generator'] = {
  ...fixtureLoad.generator,
  rateReached: 0.6,
  limits: ['its CPU was full'],
};

describe('the verdict', () => {
  it('is pass, exit code 0 and no reasons for a run that proves everything', () => {
    const record = fixtureRun();
    expect(record).toMatchObject({ verdict: 'pass', exitCode: 0, reasons: [] });
    expect(runRecordSchema.parse(record)).toEqual(record);
    expect(record.startedAt).toBe('2026-11-23T19:05:48.000Z');
  });

  it('is fail and exit code 3 when a check fails, with each failed check and its figures as reason', () => {
    const parts = fixtureParts(undefined, (world) => {
      world.queues.waiting = 2;
      world.remaining = 3;
    });
    const { verdict, exitCode, reasons } = buildRunRecord(parts);
    expect({ verdict, exitCode }).toEqual({ verdict: 'fail', exitCode: 3 });
    expect(reasons).toEqual([
      expect.stringMatching(/Stock left.*3 more than the stock of 20/),
      expect.stringMatching(/queue.*2 frames in the queue/),
    ]);
  });

  it('is fail and exit code 4 when a threshold is missed', () => {
    const missed = fixtureParts({ ...sustained, maxP99Ms: 100, minRps: 20_000 });
    expect(judgeRun(missed)).toEqual({
      verdict: 'fail',
      exitCode: 4,
      reasons: [
        'The p99 latency was 143 ms; at most 100 ms was asked for.',
        '12,180 requests/s were answered; at least 20,000 were asked for.',
      ],
    });
    const slow = judgeRun(fixtureParts({ ...sustained, slo: 'p99<1ms unknown==0' }));
    expect(slow).toMatchObject({
      verdict: 'fail',
      exitCode: 4,
      reasons: [expect.stringContaining('(p99<1ms)')],
    });
    expect(judgeRun(fixtureParts({ ...sustained, slo: 'p99<1s' })).exitCode).toBe(0);
    expect(judgeRun(fixtureParts({ ...sustained, maxP99Ms: 142.8, minRps: 12_180 })).verdict).toBe('pass');
  });

  it('is invalid and exit code 5 when the generator could not keep the rate, whatever the thresholds say', () => {
    const parts = fixtureParts({ ...sustained, maxP99Ms: 1 });
    expect(judgeRun({ ...parts, load: { ...fixtureLoad, generator: limited } })).toMatchObject({
      verdict: 'invalid',
      exitCode: 5,
      reasons: [expect.stringMatching(/Only 60 % of the rate/), 'its CPU was full'],
    });
  });

  it('is not invalid when the system under test, and not the generator, missed the rate', () => {
    const generator = { ...limited, limits: [] };
    expect(judgeRun({ ...fixtureParts(sustained), load: { ...fixtureLoad, generator } }).verdict).toBe(
      'pass',
    );
  });

  it('passes without a verdict on the speed where the generator was the limit', () => {
    const load = { ...fixtureLoad, generator: limited };
    const withheld = ['its CPU was full'];
    expect(judgeRun({ ...fixtureParts(), load })).toMatchObject({
      verdict: 'pass',
      exitCode: 0,
      speed: { withheld, notJudged: [] },
    });
    expect(judgeRun(fixtureParts())).not.toHaveProperty('speed');
    const record = fixtureRun({ load });
    expect(runRecordSchema.parse(record)).toEqual(record);
  });

  it('judges no threshold on speed then, and all others', () => {
    const load = { ...fixtureLoad, generator: limited };
    const judged = (settings: Partial<AttackSettingsInput>) =>
      judgeRun({ ...fixtureParts({ profile: 'burst', ...settings } as AttackSettingsInput), load });
    const notJudged = ['p99<1s', 'time_to_drain<1min', 'p99<=1ms', 'rps>=1000000'];
    const onSpeed = { slo: 'p99<1s unknown==0 time_to_drain<1min', maxP99Ms: 1, minRps: 1e6 };
    expect(judged(onSpeed)).toEqual({
      verdict: 'invalid',
      exitCode: 5,
      reasons: [`Not judged, since the speed verdict is withheld: ${notJudged.join(', ')}.`],
      speed: { withheld: ['its CPU was full'], notJudged },
    });
    expect(judged({ slo: 'unknown==0' })).toMatchObject({ exitCode: 0, speed: { notJudged: [] } });
    expect(judged({ slo: 'p99<1s accepted<10' })).toMatchObject({
      exitCode: 4,
      reasons: [expect.stringMatching(/accepted/)],
      speed: { notJudged: ['p99<1s'] },
    });
  });

  it.each([
    ['machine', 500, true],
    ['generator', 500, true],
    ['worker-1', 500, false],
    ['machine', 5_000, false],
  ])('withholds the speed of a burst when the %s stood still at %i ms: %s', (part, tMs, isWithheld) => {
    const incidents = [{ tMs, part, kind: 'paused' as const, lengthMs: 2_000, text: 'It stood still.' }];
    const { verdict, speed } = judgeRun({ ...fixtureParts(), incidents });
    expect([verdict, speed?.withheld]).toEqual(['pass', isWithheld ? ['It stood still.'] : undefined]);
  });

  it('is fail and not invalid when the audit fails on a limited generator: what was sold is a fact', () => {
    const parts = fixtureParts(sustained, (world) => (world.queues.dead = 1));
    expect(judgeRun({ ...parts, load: { ...fixtureLoad, generator: limited } }).exitCode).toBe(3);
  });

  it('is invalid when a system that is well accepted not one request', () => {
    const load = { ...fixtureLoad, accepted: 0, refused: 10_000, causes: { '409 sale-closed': 10_000 } };
    expect(judgeRun({ ...fixtureParts(), load })).toMatchObject({
      exitCode: 5,
      reasons: [expect.stringContaining('None of 10,000 requests was accepted')],
    });
  });

  it.each([
    [
      'no gateway answers',
      { gaveUp: { silentMs: 10_000, cause: 'timeout' }, unsent: 400 },
      /No gateway answered/,
    ],
    [
      'a backend is away all the time',
      { accepted: 0, refused: 10_000, causes: { '503 broker-away': 10_000 } },
      /10,000 rejected, RabbitMQ is away \(503\)/,
    ],
  ] as const)('is a matter of the infrastructure when %s', (_, change, expected) => {
    expect(judgeRun({ ...fixtureParts(), load: { ...fixtureLoad, ...change } })).toEqual({
      verdict: 'invalid',
      exitCode: 6,
      reasons: [expect.stringMatching(expected)],
    });
  });

  it('is a matter of the infrastructure when what is undecided is all that fails, and a broken promise else', () => {
    const { audit } = fixtureParts();
    const undecided = ['worker-1 was given up.'];
    const open = audit.checks.map((check) =>
      check.id === 'conservation' ? { ...check, ok: false, isOpen: true } : check,
    );
    const judged = judgeRun({ ...fixtureParts(), audit: { ...audit, checks: open, undecided } });
    expect(judged).toEqual({ verdict: 'invalid', exitCode: 6, reasons: undecided });
    const broken = open.map((check) => (check.id === 'no_oversell' ? { ...check, ok: false } : check));
    expect(judgeRun({ ...fixtureParts(), audit: { ...audit, checks: broken, undecided } })).toMatchObject({
      verdict: 'fail',
      exitCode: 3,
      reasons: [expect.stringMatching(/^Not proven: Nothing was sold that was not in stock/)],
    });
  });

  it('proves nothing where a planted defect was not found, or something else was', () => {
    const attack = attackSettingsSchema.parse({ profile: 'burst', plant: 'oversell' });
    const parts = { ...fixtureParts(), attack, planted: 'Unit 1 was sold twice.' };
    expect(judgeRun(parts)).toMatchObject({
      verdict: 'invalid',
      exitCode: 5,
      reasons: [
        'Planted on purpose (oversell): Unit 1 was sold twice.',
        'It should break no_oversell, and broke nothing.',
        'The checks of the audit can’t be trusted.',
      ],
    });
    const checks = parts.audit.checks.map((check) => ({ ...check, ok: check.id !== 'order' }));
    const other = judgeRun({ ...parts, audit: { ...parts.audit, checks } });
    expect(other).toMatchObject({ verdict: 'fail', exitCode: 3 });
    expect(other.reasons[1]).toBe('It should break no_oversell, and broke order.');
  });

  it('does not blame the load generator for a system, or a machine, that stood still', () => {
    const attack = attackSettingsSchema.parse({ profile: 'sustained', ratePerSec: 100, durationSec: 100 });
    const generator = { ...fixtureLoad.generator, rateReached: 0.7, limits: ['late'] };
    const load = { ...fixtureLoad, generator };
    const parts = { ...fixtureParts(), attack };
    expect(judgeRun({ ...parts, load }).reasons[0]).toContain('the load generator was the limit');
    const clocks = { control: 2, generator: 800, 'gateway-1': 30 };
    expect(judgeRun({ ...parts, load, clocks }).reasons.slice(0, 2)).toEqual([
      expect.stringContaining('the load generator was the limit'),
      'The most that event loops were late: control 2 ms, generator 800 ms, gateway-1 30 ms.',
    ]);
    expect(judgeRun({ ...parts, load, clocks: { ...clocks, 'gateway-1': 900 } }).reasons[0]).toContain(
      'the machine was too busy for load generator and system alike',
    );
    expect(judgeRun({ ...parts, load: { ...load, systemLimit: 'late' } }).exitCode).toBe(0);
    const pause = {
      tMs: 100,
      part: 'machine',
      kind: 'paused',
      text: 'The whole machine stood still.',
    } as const;
    const stood = { exitCode: 5, reasons: ['The rate was not held.', pause.text] };
    // However much of the rate was reached afterwards: its latencies hold the pause.
    for (const one of [load, { ...load, systemLimit: 'late' }, fixtureLoad])
      expect(judgeRun({ ...parts, load: one, incidents: [pause] })).toMatchObject(stood);
    // After the last answer it changes no figure of the load.
    expect(judgeRun({ ...parts, load: fixtureLoad, incidents: [{ ...pause, tMs: 1e6 }] }).exitCode).toBe(0);
  });

  it('is invalid when a fault that was asked for had no effect: it proves nothing about it', () => {
    const fault = { fault: 'kill:redis@9s', target: 'redis', effect: 'Too late.', hadEffect: false };
    expect(judgeRun({ ...fixtureParts(), faults: [{ ...fault, hadEffect: true }] }).exitCode).toBe(0);
    expect(judgeRun({ ...fixtureParts(), faults: [fault] })).toMatchObject({
      verdict: 'invalid',
      exitCode: 5,
      reasons: ['Fault without effect: kill:redis@9s. Too late.'],
    });
  });

  it.each([
    ['cancelled', 130],
    ['failed', 6],
  ] as const)('is none for an attack that was %s: it is kept with its reason', (end, exitCode) => {
    const record = buildRunRecord({ ...fixtureParts(), end, endReason: 'So it was.' });
    expect(record).toMatchObject({ end, verdict: 'invalid', exitCode, reasons: ['So it was.'] });
  });
});
