import { describe, expect, it } from 'vitest';
import { attackSettingsSchema } from '../../contract/attack-settings.ts';
import { fixtureLoad as load } from '../../tests/support/run-fixture.ts';
import { testAttack } from '../store/test-data.ts';
import { emptySeries, type SeriesTotals } from '../../contract/series.ts';
import { narrate } from './narrative.ts';

const totals = (over: Partial<SeriesTotals> = {}): SeriesTotals => ({
  ...emptySeries('r').totals,
  sent: 5_000,
  ...over,
});
const audit = {
  stock: 20,
  sold: 20,
  granted: 20,
  refused: 9_980,
  pending: 0,
  lost: 0,
  duplicated: 0,
  oversold: 0,
  undersold: 0,
  unknownResolved: 0,
  drainMs: 300,
  checks: [],
};

const failedCheck = {
  id: 'no_oversell' as const,
  title: 'Nothing sold twice',
  ok: false,
  evidence: { summary: 'Two.', counts: {}, offenders: [] },
};

describe('the story of an attack on another shop', () => {
  const target = { name: 'shop.py', url: 'http://127.0.0.1:8000', file: 'shop.json' };

  it('names the shop, and neither engine, gateway, worker nor queue', () => {
    for (const phase of ['preparing', 'attacking', 'draining', 'auditing'] as const) {
      const { headline, detail } = narrate(testAttack({ phase, target, sent: 10 }), totals(), 0, true);
      expect(`${headline} ${detail}`).not.toMatch(/engine|gateway|worker|queue/);
    }
    const broken = { ...audit, checks: [failedCheck] };
    const over = testAttack({ phase: 'finished', target, verdict: 'fail', exitCode: 3, audit: broken, load });
    expect(narrate(over, totals(), 0).headline).toBe('The shop broke a promise.');
  });
});

describe('the story of an attack', () => {
  it('begins with what is sent over how many connections, and the stock', () => {
    const { headline, detail } = narrate(testAttack({ phase: 'preparing' }), totals(), 0);
    expect(headline).toBe('About to leave: 10,000 requests over 1,000 connections.');
    expect(detail).toContain('20 tickets');
  });

  it.each([
    [{ profile: 'burst' }, '10,000 requests over 1,000 connections.'],
    [
      { profile: 'burst', connections: 10_000 },
      '10,000 buyers at the same moment, each over a connection of their own.',
    ],
    [
      { profile: 'burst', connections: 10_000, behaviours: 'bot:1%' },
      '10,000 requests over 10,000 connections.',
    ],
    [
      { profile: 'sustained', ratePerSec: 500, durationSec: 10 },
      '500 requests a second for 10 seconds, over 1,000 connections.',
    ],
  ] as const)(
    'says “at the same moment” only where each buyer has a connection: %o',
    (settings, headline) => {
      const attack = testAttack({ sent: 0, settings: attackSettingsSchema.parse(settings) });
      expect(narrate(attack, totals({ sent: 0 }), 0).headline).toBe(headline);
    },
  );

  it('tells what the queue holds while tickets are left', () => {
    const { headline, detail } = narrate(testAttack(), totals(), 8_412);
    expect(headline).toContain('The queue holds 8,412 reservations');
    expect(detail).toContain('8 left');
  });

  it('tells what the queue keeps while no worker runs, in the rush and after it', () => {
    const { headline, detail } = narrate(testAttack(), totals(), 8_412, true);
    expect(headline).toContain('The queue keeps 8,412 accepted reservations');
    expect(detail).toContain('keeps accepting');
    const draining = narrate(testAttack({ phase: 'draining' }), totals(), 8_412, true);
    expect(draining.headline).toBe(headline);
    expect(draining.detail).not.toContain('keeps accepting');
    expect(narrate(testAttack({ phase: 'auditing' }), totals(), 0, true).headline).toBe(
      'The audit is running.',
    );
  });

  it('tells when the last ticket went', () => {
    const attack = testAttack({ remaining: 0, granted: 20 });
    const { headline, detail } = narrate(attack, totals({ soldOutAtMs: 812 }), 4_000);
    expect(headline).toContain('Sold out after 812 ms');
    expect(detail).toContain('Queue depth 4,000');
  });

  it('tells that the gateway rejects when the sale sheds', () => {
    const settings = attackSettingsSchema.parse({ profile: 'burst', mode: 'shed' });
    const { detail } = narrate(
      testAttack({ settings, remaining: 0, granted: 20, rejected: 312 }),
      totals(),
      0,
    );
    expect(detail).toContain('312');
    expect(detail).toContain('never reached RabbitMQ');
  });

  it('ends with what was proven', () => {
    const { headline, detail } = narrate(
      testAttack({ phase: 'finished', verdict: 'pass', audit, load }),
      totals(),
      0,
    );
    expect(headline).toBe('20 tickets, 20 owners. Exactly.');
    expect(detail).toContain('9,980 refused by the worker');
  });

  it('does not claim a proof when the verdict is another', () => {
    const reasons = ['Ticket 17 was sold twice.'];
    const failed = narrate(
      testAttack({ phase: 'finished', verdict: 'fail', audit, load, reasons }),
      totals(),
      0,
    );
    expect(failed.detail).toContain('Ticket 17 was sold twice.');
    const invalid = narrate(
      testAttack({ phase: 'finished', verdict: 'invalid', audit, load, reasons: [] }),
      totals(),
      0,
    );
    for (const { headline, detail } of [failed, invalid]) {
      expect(`${headline} ${detail}`).not.toMatch(/Exactly|nothing was sold twice/);
    }
  });

  it.each(['preparing', 'attacking', 'draining', 'auditing', 'finished', 'failed', 'cancelled'] as const)(
    'has words for the phase %s',
    (phase) => {
      const { headline, detail } = narrate(testAttack({ phase }), totals(), 3);
      expect(headline.length).toBeGreaterThan(10);
      expect(`${headline}${detail}`).not.toMatch(/undefined|NaN/);
    },
  );
});
