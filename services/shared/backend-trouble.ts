/**
 * What is wrong with a backend, in words that anybody may see. An error's own text can hold an address, a
 * user or a password, so only the words of this table are shown.
 */
import { z } from 'zod';

export const BACKEND_TITLES = { rabbitmq: 'RabbitMQ', redis: 'Redis', postgres: 'Postgres' } as const;
export const BACKEND_ROLES = ['rabbitmq', 'redis', 'postgres'] as const;

export const backendStateSchema = z.enum([
  'ok',
  /** It holds publishers back and will go on by itself. */
  'blocked',
  /** It answers, but refuses writes. */
  'refusing',
  /** The connection is open, but no answer comes. */
  'silent',
  /** No connection. */
  'away',
]);
export type BackendState = z.infer<typeof backendStateSchema>;

export const backendHealthSchema = z.object({
  state: backendStateSchema,
  /** `ok`, or why not. */
  reason: z.string(),
  /** Moment at which it came into this state, in ms since the epoch. */
  sinceMs: z.number(),
});
export type BackendHealth = z.infer<typeof backendHealthSchema>;

export interface BackendTrouble {
  readonly state: Exclude<BackendState, 'ok'>;
  readonly reason: string;
}

/** For example a changed password; doctor.ts has the advice for it. */
export const BAD_LOGIN = 'it does not accept our user or password';

/** Code or message of an error → what it means. The first match counts. */
const TROUBLES: readonly (readonly [RegExp, BackendTrouble['state'], string])[] = [
  // Postgres, by SQLSTATE.
  [
    /^(25006|55000) /,
    'refusing',
    'read-only: it takes no writes (a standby, or default_transaction_read_only)',
  ],
  [/^53100 /, 'refusing', 'its disk is full'],
  [/^53200 /, 'refusing', 'it is out of memory'],
  [/^53300 /, 'refusing', 'too many connections: none is free for us'],
  // With a full disk, new connections get the second text, without a code.
  [/^58|could not write init file/, 'refusing', "it can't read or write its files"],
  [/^57P03 /, 'away', 'it is starting, recovering or shutting down'],
  [/^57P0/, 'away', 'it is being shut down'],
  [/UnreplicatedError/, 'silent', 'its synchronous standby confirms no commit'],
  // PgBouncer, which has one SQLSTATE for all that it says.
  [/^08P01 .*authentication failed/, 'refusing', BAD_LOGIN],
  [/^08P01 .*no more connections/, 'refusing', 'too many connections: none is free for us'],
  [/^08P01 /, 'away', 'PgBouncer has no connection to it'],
  [/^57014 /, 'silent', 'a statement took longer than its limit'],
  [/^(28P01|28000) /, 'refusing', BAD_LOGIN],
  [/^3D000 /, 'refusing', 'the database does not exist'],
  [/^42501 /, 'refusing', 'our user lacks a right'],
  // Redis, by the word that begins its answer.
  [/\bMISCONF\b/, 'refusing', 'MISCONF: it can not save to its disk, and takes no writes until it can'],
  [/\bOOM\b/, 'refusing', 'OOM: its memory limit (maxmemory) is reached'],
  [/\bREADONLY\b/, 'refusing', 'READONLY: it is a replica'],
  [/\bNOREPLICAS\b/, 'refusing', 'NOREPLICAS: too few replicas follow it'],
  [/\bNOPERM\b/, 'refusing', 'NOPERM: our user lacks a right'],
  [/\bLOADING\b/, 'away', 'LOADING: it reads its data from disk'],
  [/\bMASTERDOWN\b/, 'away', 'MASTERDOWN: the replica has lost its master'],
  // Before what its last error says of one Sentinel.
  [/all sentinels are unreachable/i, 'away', 'no Sentinel answers, or none knows its primary'],
  [/\bCLUSTERDOWN\b/, 'refusing', 'CLUSTERDOWN: a part of the Redis Cluster is missing'],
  [/\bBUSY\b/, 'silent', 'BUSY: a script runs for too long'],
  [/\b(WRONGPASS|NOAUTH)\b/, 'refusing', BAD_LOGIN],
  [/max number of clients/, 'refusing', 'too many connections: none is free for us'],
  // RabbitMQ.
  [/ACCESS[_-]REFUSED/, 'refusing', `${BAD_LOGIN}, or the user lacks a right`],
  [/CONNECTION_FORCED|CONNECTION-FORCED/, 'away', 'it is being shut down'],
  [/NOT_FOUND - (no vhost|vhost)/i, 'refusing', 'the virtual host does not exist or is down'],
  [/RESOURCE_ERROR|INTERNAL_ERROR/, 'refusing', 'an internal error of its own'],
  [/PRECONDITION[_-]FAILED/, 'refusing', 'a queue of this name exists with other settings'],
  // Connections to any of them.
  [/ECONNREFUSED/, 'away', 'nothing listens at its address'],
  [/ENOTFOUND|EAI_AGAIN/, 'away', 'its host name is not known'],
  [/EHOSTUNREACH|ENETUNREACH/, 'away', 'its host can not be reached'],
  [
    /ECONNRESET|EPIPE|Connection terminated|Connection is closed|Socket closed|closed/i,
    'away',
    'the connection was closed',
  ],
  [/timed? ?out|timeout|no answer|no confirm|heartbeat|abort/i, 'silent', 'no answer in time'],
  [
    /max retries per request|startup nodes|slots cache|Cluster isn't ready|cluster redirections/i,
    'away',
    'no connection',
  ],
];

/** What an error of a backend means. */
export function troubleOf(error: unknown): BackendTrouble {
  if (error instanceof AggregateError && error.errors.length > 0) return troubleOf(error.errors[0]);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const text = `${code} ${error instanceof Error ? `${error.name} ${error.message}` : String(error)}`;
  const known = TROUBLES.find(([pattern]) => pattern.test(text));
  return known === undefined
    ? { state: 'silent', reason: 'it does not answer as it should' }
    : { state: known[1], reason: known[2] };
}

/** `said` is RabbitMQ's reason for blocking: "low on memory", "low on disk", or both. */
export function blockedBecause(said: string): BackendTrouble {
  return {
    state: 'blocked',
    reason: `an alarm of RabbitMQ: ${/low on [\w &]+/.exec(said)?.[0] ?? 'unknown'}`,
  };
}

/**
 * The health after a check. The same object while nothing changed, so `sinceMs` is when the trouble began.
 */
export function nextHealth(before: BackendHealth, now: BackendTrouble | undefined): BackendHealth {
  const { state, reason } = now ?? { state: 'ok', reason: 'ok' };
  if (before.state === state && before.reason === reason) return before;
  // A new reason does not restart the trouble.
  const isSameTrouble = before.state !== 'ok' && state !== 'ok';
  return { state, reason, sinceMs: isSameTrouble ? before.sinceMs : Date.now() };
}

/** `RabbitMQ is blocked: …`, for people. */
export function describeTrouble(
  name: string,
  { state, reason }: Pick<BackendHealth, 'state' | 'reason'>,
): string {
  return `${name} ${VERBS[state]}: ${reason}.`;
}

const VERBS: Readonly<Record<BackendState, string>> = {
  ok: 'serves',
  blocked: 'takes no messages now',
  refusing: 'refuses what is written to it',
  silent: 'does not answer',
  away: 'is away',
};
