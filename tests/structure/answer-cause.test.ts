import { expect, it } from 'vitest';
import { PROBLEM_KINDS, rejection } from '../../services/gateway/problems.ts';
import {
  NEVER_PUBLISHED,
  answerCause,
  isUndecided,
  lossCause,
} from '../../control/attack/generator/answer-cause.ts';

it('knows of each kind of problem that the gateway has whether the reservation may be decided all the same', () => {
  // A new 5xx must be put on one side or the other.
  const open = Object.entries(PROBLEM_KINDS)
    .filter(([kind, { status }]) => status >= 500 && !NEVER_PUBLISHED.has(kind))
    .map(([kind]) => kind);
  expect(open).toEqual(['unexpected', 'unconfirmed']);
  for (const kind of NEVER_PUBLISHED) expect(Object.keys(PROBLEM_KINDS)).toContain(kind);
});

it('reads the kind from the gateway’s own problem documents', () => {
  const sent = rejection('unconfirmed', 'It was sent.', { reservationId: 'sale.gw-1.0' });
  expect(answerCause(sent.status, sent.payload)).toBe('503 unconfirmed');
  expect(isUndecided(503, '503 unconfirmed')).toBe(true);
  expect(isUndecided(503, answerCause(503, rejection('broker-away', 'Nothing was queued.').payload))).toBe(
    false,
  );
  expect(isUndecided(409, answerCause(409, rejection('sold-out', 'All units are sold.').payload))).toBe(
    false,
  );
});

it('takes a 5xx that names no kind, as of a proxy, for undecided', () => {
  expect(answerCause(502, '<html>Bad Gateway</html>')).toBe('502');
  expect(isUndecided(502, '502')).toBe(true);
});

it('names a lost connection by the system’s code', () => {
  expect(lossCause(undefined)).toBe('closed');
  expect(lossCause(Object.assign(new Error('reset'), { code: 'ECONNRESET' }))).toBe('ECONNRESET');
});
