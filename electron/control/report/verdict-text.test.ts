import { describe, expect, it } from 'vitest';
import { fixtureLoad, fixtureParts, fixtureRun } from '../../../tests/support/run-fixture.ts';
import type { Audit } from './run-record.ts';
import { tellVerdict } from './verdict-text.ts';

const attack = { perBuyerLimit: 1 };
const audit: Audit = { ...fixtureParts().audit, sold: 20, granted: 20, refused: 9_980 };
const broken: Audit = {
  ...audit,
  sold: 21,
  checks: audit.checks.map((check, at) => ({ ...check, ok: at > 0 })),
};

describe('the text of a verdict', () => {
  it('tells that each ticket has one owner, and accounts for everybody who asked', () => {
    const { headline, detail } = tellVerdict({ verdict: 'pass', attack, load: fixtureLoad, audit });
    expect(headline).toBe('20 tickets, 20 owners. Exactly.');
    expect(detail).toContain('10,000 asked, 20 got one, 9,980 got a clear “no”.');
  });

  it('tells that the workers were killed, where they were', () => {
    const parts = { verdict: 'pass', attack, load: fixtureLoad, audit } as const;
    expect(tellVerdict(parts).detail).not.toContain('killed');
    expect(tellVerdict({ ...parts, workersKilledAtMs: 800 }).detail).toContain(
      'The workers were killed in the middle of it, and everybody kept their place in line. Nothing oversold',
    );
  });

  it('counts those who were refused at the door among the refused', () => {
    const load = { sent: 10_000, acknowledged: 4_000, refused: 6_000 };
    const { detail } = tellVerdict({ verdict: 'pass', attack, load, audit: { ...audit, refused: 3_980 } });
    expect(detail).toContain('10,000 asked, 20 got one, 9,980 got a clear “no”.');
  });

  it('says of how many no answer came, so that the figures add up', () => {
    const load = { sent: 10_000, acknowledged: 9_990, refused: 0 };
    const { detail } = tellVerdict({ verdict: 'pass', attack, load, audit: { ...audit, refused: 9_970 } });
    expect(detail).toContain('9,970 got a clear “no”, 10 got no answer');
  });

  it('speaks of no owners where a buyer may have several tickets', () => {
    const { headline } = tellVerdict({
      verdict: 'pass',
      attack: { perBuyerLimit: 2 },
      load: fixtureLoad,
      audit,
    });
    expect(headline).toBe('20 tickets, each sold once. Exactly.');
  });

  it('blames the engine only when the audit does', () => {
    const failed = tellVerdict({ verdict: 'fail', attack, load: fixtureLoad, audit: broken });
    expect(failed.headline).toBe('The engine broke a promise.');
    expect(failed.detail).toBe('21 of 20 tickets sold; 1 of 9 checks failed.');
    const record = fixtureRun({
      attack: { ...fixtureParts().attack, maxP99Ms: 1 },
    });
    expect(record.exitCode).toBe(4);
    expect(tellVerdict(record).headline).toMatch(/^Every promise was kept/);
  });

  it('blames the load generator only when it was the limit', () => {
    const tell = (sent: number, acknowledged: number) =>
      tellVerdict({ verdict: 'invalid', attack, load: { sent, acknowledged, refused: 0 }, audit }).headline;
    expect(tell(0, 0)).toBe('No verdict: no request was sent.');
    expect(tell(500, 0)).toContain('never put to the test');
    expect(tell(500, 400)).toBe('No verdict: the load generator was the limit.');
  });
});
