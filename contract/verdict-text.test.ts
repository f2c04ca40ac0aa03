import { describe, expect, it } from 'vitest';
import { fixtureLoad, fixtureParts, fixtureRun } from '../tests/support/run-fixture.ts';
import type { PlantId } from './plants.ts';
import type { Audit } from './run-record.ts';
import { describeVerdict } from './verdict-text.ts';

const attack = { perBuyerLimit: 1 };
const audit: Audit = { ...fixtureParts().audit, sold: 20, granted: 20, refused: 9_980 };
const broken: Audit = {
  ...audit,
  sold: 21,
  checks: audit.checks.map((check, at) => ({ ...check, ok: at > 0 })),
};

describe('the text of a verdict', () => {
  it('never takes a planted defect for the engine’s own', () => {
    const parts = { verdict: 'fail', load: fixtureLoad, audit: broken } as const;
    const of = (plant: PlantId) => describeVerdict({ ...parts, attack: { ...attack, plant } });
    expect(of('oversell').headline).toBe('A defect was planted on purpose, and the audit found it.');
    expect(of('oversell').detail).toMatch(/Planted: one unit is sold to two buyers\.$/);
    expect(of('late-grant').headline).toMatch(/found something else\.$/);
  });

  it('tells that each ticket has one owner, and accounts for everybody who asked', () => {
    const { headline, detail } = describeVerdict({ verdict: 'pass', attack, load: fixtureLoad, audit });
    expect(headline).toBe('20 tickets, 20 owners. Exactly.');
    expect(detail).toContain('10,000 requests: 20 granted, 9,980 refused by the worker.');
  });

  it('tells what was broken on purpose, where anything was', () => {
    const parts = { verdict: 'pass', attack, load: fixtureLoad, audit } as const;
    expect(describeVerdict(parts).detail).not.toContain('killed');
    const killed = {
      fault: 'kill:workers@25%',
      target: 'workers',
      tMs: 300,
      effect: 'They were killed.',
      hadEffect: true,
    };
    expect(describeVerdict({ ...parts, faults: [killed] }).detail).toContain(
      'workers killed in the middle of it, and no accepted reservation was lost. Nothing oversold',
    );
    expect(describeVerdict({ ...parts, faults: [killed, killed] }).detail).toContain('2 faults on purpose');
  });

  it('keeps apart who was refused by the worker, who was rejected by the gateway, and who is looked up', () => {
    const load = { sent: 10_000, accepted: 4_000, rejected: 5_873, unknown: 127 };
    const tell = (unknownGranted: number) =>
      describeVerdict({
        verdict: 'pass',
        attack,
        load,
        audit: { ...audit, granted: 19, refused: 3_981, unknownGranted },
      }).detail;
    expect(tell(1)).toContain(
      '10,000 requests: 19 granted, 3,981 refused by the worker, 5,873 rejected by the gateway, 127 without a clear answer, looked up by the audit: 1 of them owns a ticket.',
    );
    expect(tell(0)).toContain('looked up by the audit: none of them owns a ticket.');
  });

  it('speaks of no owners where a buyer may have several tickets', () => {
    const { headline } = describeVerdict({
      verdict: 'pass',
      attack: { perBuyerLimit: 2 },
      load: fixtureLoad,
      audit,
    });
    expect(headline).toBe('20 tickets, each sold once. Exactly.');
  });

  it('blames the engine only when the audit does', () => {
    const failed = describeVerdict({ verdict: 'fail', attack, load: fixtureLoad, audit: broken });
    expect(failed.headline).toBe('The engine broke a promise.');
    expect(failed.detail).toBe('21 of 20 tickets sold; 1 of 9 checks failed.');
    const record = fixtureRun({
      attack: { ...fixtureParts().attack, maxP99Ms: 1 },
    });
    expect(record.exitCode).toBe(4);
    expect(describeVerdict(record).headline).toMatch(/^Every promise was kept/);
  });

  it('says of a run that a part was missing for that no promise is broken', () => {
    const undecided = { ...audit, pending: 12, undecided: ['worker-1 was given up.'] };
    expect(
      describeVerdict({ verdict: 'invalid', exitCode: 6, attack, load: fixtureLoad, audit: undecided }),
    ).toEqual({
      headline: 'No verdict: a part was missing.',
      detail:
        '10,000 requests: 20 granted, 9,980 refused by the worker, 12 accepted and undecided. No promise is broken.',
    });
    const gaveUp = { ...fixtureLoad, gaveUp: { silentMs: 30_000, cause: 'timeout' } };
    expect(describeVerdict({ verdict: 'invalid', exitCode: 6, attack, load: gaveUp, audit }).headline).toBe(
      'No verdict: no gateway answered any more.',
    );
  });

  it.each(['cancelled', 'failed'] as const)('says of a run that was %s that it had no audit', (end) => {
    const { headline, detail } = describeVerdict({
      verdict: 'invalid',
      end,
      attack,
      load: fixtureLoad,
      audit,
    });
    expect(headline).toMatch(end === 'failed' ? 'could not be brought to a verdict' : 'was cancelled');
    expect(detail).toContain('nothing is proven');
  });

  it('blames the load generator only when it was the limit', () => {
    const tell = (sent: number, accepted: number) =>
      describeVerdict({
        verdict: 'invalid',
        attack,
        load: { sent, accepted, rejected: 0, unknown: 0 },
        audit,
      }).headline;
    expect(tell(0, 0)).toBe('No verdict: no request was sent.');
    expect(tell(500, 0)).toContain('never put to the test');
    expect(tell(500, 400)).toBe('No verdict: the rate was not reached.');
  });
});
