import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { FrameError } from '../shared/frame.ts';
import { isFinal, whileAway } from './retry.ts';

function postgresError(code: string): Error {
  return Object.assign(new pg.DatabaseError('refused', 7, 'error'), { code });
}

describe('what a worker waits for', () => {
  it.each([
    ['08006', 'connection lost'],
    ['0A000', 'a cached plan of before a migration'],
    ['25006', 'read-only, as behind a failover'],
    ['26000', 'a prepared statement that a pooler has lost'],
    ['28P01', 'a changed password'],
    ['3D000', 'a database that is not there'],
    ['3F000', 'a schema that is not there'],
    ['40001', 'a lost race'],
    ['42501', 'a right that was taken'],
    ['42P01', 'a table that a migration makes next'],
    ['53100', 'a full disk'],
    ['53300', 'too many connections'],
    ['55P03', 'a lock'],
    ['57P01', 'ended by its administrator'],
    ['57P02', 'another session crashed'],
    ['57P03', 'starting'],
    ['08P01', 'PgBouncer that has no connection'],
    ['58030', 'an error of the disk'],
    ['XX000', 'an error inside Postgres'],
    ['', 'an error without a code'],
  ])('is Postgres that says %s: %s', (code) => {
    expect(isFinal(postgresError(code))).toBe(false);
  });

  it.each([
    'NOAUTH Authentication required.',
    'WRONGPASS invalid username-password pair or user is disabled.',
    'NOPERM this user has no permissions to run the evalsha command',
    "READONLY You can't write against a read only replica.",
    'MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk.',
    "OOM command not allowed when used memory > 'maxmemory'.",
    'NOREPLICAS Not enough good replicas to write.',
    'ERR max number of clients reached',
    'WRONGTYPE Operation against a key holding the wrong kind of value',
  ])('is Redis that says: %s', (message) => {
    expect(isFinal(new Error(message))).toBe(false);
  });

  it('is no unsound frame, no broken rule of the tables and no fault of the program', () => {
    expect(isFinal(new FrameError('n must be 1..512'))).toBe(true);
    expect(isFinal(postgresError('22P05'))).toBe(true);
    expect(isFinal(postgresError('23502'))).toBe(true);
    expect(isFinal(new TypeError('x is not a function'))).toBe(true);
  });
});

describe('waiting', () => {
  it('ends with the first success, the limit, the signal, or an error that is final', async () => {
    const signal = new AbortController().signal;
    const away = new Error('away');
    let tries = 0;
    const third = () => (++tries < 3 ? Promise.reject(away) : Promise.resolve('done'));
    expect(await whileAway(third, { signal })).toBe('done');
    await expect(whileAway(() => Promise.reject(away), { signal, limitMs: 30 })).rejects.toBe(away);
    await expect(whileAway(() => Promise.reject(away), { signal: AbortSignal.abort() })).rejects.toBe(away);
    const final = new FrameError('unsound');
    tries = 0;
    const refuse = () => Promise.reject(++tries > 1 ? final : away);
    await expect(whileAway(refuse, { signal })).rejects.toBe(final);
    expect(tries).toBe(2);
  });
});
