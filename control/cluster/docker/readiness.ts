/** Proves from this side of the port that a backend serves: a query, a PING, a connection. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BackendRole } from '../../../contract/backends.ts';
import { moreTimeFor, PROBES } from '../probes.ts';
import { withLimit } from '../../../services/shared/time-limit.ts';
import { BACKEND_DATABASE, BACKEND_USER } from './backend-spec.ts';
import { errorCode, errorText } from './errors.ts';

/** ms of one attempt. */
const ATTEMPT_LIMIT_MS = 10_000;
const BETWEEN_MS = 100;

/** URL of a backend; holds its password. */
export function backendUrl(role: BackendRole, port: number, password: string): string {
  switch (role) {
    case 'rabbitmq':
      return `amqp://${BACKEND_USER}:${password}@127.0.0.1:${port}`;
    case 'redis':
      return `redis://:${password}@127.0.0.1:${port}`;
    case 'postgres':
      return `postgresql://${BACKEND_USER}:${password}@127.0.0.1:${port}/${BACKEND_DATABASE}`;
  }
}

/** The backend answered, and refused the password: waiting longer won't help. */
export class WrongPasswordError extends Error {
  override readonly name = 'WrongPasswordError';
}

const WRONG_PASSWORD = /28P01|28000|WRONGPASS|NOAUTH|ACCESS[_-]REFUSED|invalid username-password/i;

/**
 * One attempt.
 * @returns the backend's version
 * @throws WrongPasswordError, or the error of the attempt
 */
async function probeBackend(role: BackendRole, url: string): Promise<string> {
  try {
    return await withLimit(PROBES[role](url), ATTEMPT_LIMIT_MS, `no answer within ${ATTEMPT_LIMIT_MS} ms`);
  } catch (error) {
    const text = `${errorCode(error) ?? ''} ${errorText(error)}`;
    if (WRONG_PASSWORD.test(text)) throw new WrongPasswordError(errorText(error), { cause: error });
    throw error;
  }
}

/**
 * Tries until the backend serves.
 * @param checkAlive throws when there is nothing left to wait for
 * @throws the last problem after `limitMs`, and more where the backend reads its data
 */
export async function waitUntilReady(
  role: BackendRole,
  url: string,
  limitMs: number,
  checkAlive: () => Promise<void>,
  signal: AbortSignal,
): Promise<string> {
  const deadline = Date.now() + limitMs;
  let moreMs = 0;
  for (;;) {
    signal.throwIfAborted();
    try {
      return await probeBackend(role, url);
    } catch (error) {
      await checkAlive();
      // It may be too busy for an answer meanwhile.
      moreMs = Math.max(moreMs, moreTimeFor(errorText(error)));
      if (error instanceof WrongPasswordError || Date.now() > deadline + moreMs) throw error;
    }
    await sleep(BETWEEN_MS, undefined, { signal });
  }
}
