import { describe, expect, it } from 'vitest';
import { blockedBecause, nextHealth, describeTrouble, troubleOf } from './backend-trouble.ts';
import { UnreplicatedError } from './postgres.ts';

const error = (code: string, message = '') => Object.assign(new Error(message), { code });

describe('what an error of a backend means', () => {
  it.each([
    [error('25006', 'cannot execute INSERT in a read-only transaction'), 'refusing', /read-only/],
    [error('53100', 'could not extend file'), 'refusing', /disk is full/],
    [error('53300', 'sorry, too many clients already'), 'refusing', /too many connections/],
    [error('57P01', 'terminating connection due to administrator command'), 'away', /shut down/],
    [error('08P01', 'query_wait_timeout'), 'away', /PgBouncer/],
    [error('08P01', 'SASL authentication failed'), 'refusing', /password/],
    [error('08P01', 'no more connections allowed (max_client_conn)'), 'refusing', /too many connections/],
    [new UnreplicatedError(), 'silent', /synchronous standby/],
    [error('57P03', 'the database system is starting up'), 'away', /starting/],
    [error('58030', 'could not fsync'), 'refusing', /files/],
    [error('XX000', 'could not write init file'), 'refusing', /files/],
    [error('28P01', 'password authentication failed for user "flashgrid"'), 'refusing', /user or password/],
    [new Error('MISCONF Errors writing to the AOF file: No space left on device'), 'refusing', /^MISCONF/],
    [new Error("OOM command not allowed when used memory > 'maxmemory'."), 'refusing', /^OOM/],
    [new Error("READONLY You can't write against a read only replica."), 'refusing', /^READONLY/],
    [new Error('LOADING Redis is loading the dataset in memory'), 'away', /^LOADING/],
    [new Error('CLUSTERDOWN Hash slot not served'), 'refusing', /^CLUSTERDOWN/],
    [new Error('Too many Cluster redirections. Last error: none'), 'away', /no connection/],
    [
      new Error('All sentinels are unreachable. Retrying. Last error: Connection is closed.'),
      'away',
      /Sentinel/,
    ],
    [new Error('WRONGPASS invalid username-password pair'), 'refusing', /user or password/],
    [new Error('ERR max number of clients reached'), 'refusing', /too many connections/],
    [new Error('Handshake terminated by server: 403 (ACCESS-REFUSED)'), 'refusing', /user or password/],
    [new Error('Command timed out'), 'silent', /no answer/],
    [new Error('Connection terminated unexpectedly'), 'away', /closed/],
    [error('ECONNREFUSED', 'connect ECONNREFUSED 10.1.2.3:5672'), 'away', /nothing listens/],
    [new AggregateError([error('ECONNREFUSED', 'connect ECONNREFUSED ::1:5432')]), 'away', /nothing listens/],
    [error('ENOTFOUND', 'getaddrinfo ENOTFOUND db.example'), 'away', /host name/],
  ])('%s', (given, state, reason) => {
    const trouble = troubleOf(given);
    expect(trouble.state).toBe(state);
    expect(trouble.reason).toMatch(reason);
  });

  it('tells nothing of an address, a user or a password, and is plain ASCII, since it stands in answers', () => {
    for (const given of [
      error('28P01', 'password authentication failed for user "secret"'),
      error('ECONNREFUSED', 'connect ECONNREFUSED 10.1.2.3:5672'),
      new Error('something about secret at 10.1.2.3 that nobody foresaw'),
    ]) {
      const { reason } = troubleOf(given);
      expect(reason).not.toMatch(/secret|10\.1/);
      expect(reason).toMatch(/^[\x20-\x7e]+$/);
    }
    expect(blockedBecause('low on disk').reason).toBe('an alarm of RabbitMQ: low on disk');
    expect(blockedBecause('<script>').reason).toBe('an alarm of RabbitMQ: unknown');
    expect(describeTrouble('Redis', troubleOf(new Error('OOM …')))).toBe(
      'Redis refuses what is written to it: OOM: its memory limit (maxmemory) is reached.',
    );
  });
});

it('keeps the moment at which a trouble began, whatever its reason becomes, and the object while nothing changed', () => {
  const well = { state: 'ok', reason: 'ok', sinceMs: 1 } as const;
  const sick = nextHealth(well, { state: 'silent', reason: 'no answer in time' });
  expect(sick.sinceMs).toBeGreaterThan(1);
  const worse = nextHealth(sick, { state: 'away', reason: 'nothing listens at its address' });
  expect(worse).toMatchObject({ state: 'away', sinceMs: sick.sinceMs });
  expect(nextHealth(worse, { state: 'away', reason: 'nothing listens at its address' })).toBe(worse);
  expect(nextHealth(worse, undefined)).toMatchObject({ state: 'ok', reason: 'ok' });
  expect(nextHealth(well, undefined)).toBe(well);
});
