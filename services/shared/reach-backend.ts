/**
 * The first use of a backend when a service starts: within a limit, and with a failure that a user can act
 * on.
 */
import { errorText } from './error-text.ts';
import { isOneRedisUrl, redisHosts } from './redis-url.ts';
import { ServiceError, type ServiceFailureCode } from './service-error.ts';
import { withLimit } from './time-limit.ts';
import { urlList } from './url-list.ts';

/** ms that each backend may take to answer when a service starts. */
export const REACH_LIMIT_MS = 15_000;

export interface Reached {
  /** Code of the failure. */
  readonly code: ServiceFailureCode;
  readonly name: 'RabbitMQ' | 'Redis' | 'Postgres';
  readonly url: string;
  readonly limitMs?: number;
}

/** @throws ServiceError when `use` fails or has not ended after `limitMs` */
export async function reachBackend<Value>(
  { code, name, url, limitMs = REACH_LIMIT_MS }: Reached,
  use: () => Promise<Value>,
): Promise<Value> {
  try {
    return await withLimit(use(), limitMs, `no answer within ${limitMs} ms`);
  } catch (error) {
    throw new ServiceError(
      code,
      `${name} at ${hostsOf(url)} could not be used: ${errorText(error)}`,
      `Check that ${name} runs there and that the URL, with user and password, is right.${name === 'Postgres' ? ' If the tables are missing, apply the migrations.' : ''}`,
      { cause: error },
    );
  }
}

/** Hosts and ports of URLs, without their passwords. */
function hostsOf(urls: string): string {
  if (isOneRedisUrl(urls)) return redisHosts(urls);
  return urlList(urls)
    .map((url) => new URL(url).host)
    .join(', ');
}
