/** What the gateway needs when it starts: each within a limit, and each failure with its name, its address and what to do. */
import { ServiceError } from '../shared/service-error.ts';
import { withLimit } from '../shared/time-limit.ts';
import { errorText } from '../shared/error-text.ts';

const AWAY = {
  RabbitMQ: 'gateway.rabbitmqAway',
  Redis: 'gateway.redisAway',
  Postgres: 'gateway.postgresAway',
} as const;

/** @throws ServiceError `gateway.<part>Away` when `start` fails or has not ended after `limitMs` */
export async function startPart(
  name: 'RabbitMQ' | 'Redis' | 'Postgres',
  url: string,
  limitMs: number,
  start: () => Promise<unknown>,
): Promise<void> {
  try {
    await withLimit(start(), limitMs, `no answer within ${limitMs} ms`);
  } catch (error) {
    const reason = errorText(error);
    throw new ServiceError(
      AWAY[name],
      `${name} at ${hostsOf(url)} could not be used: ${reason}`,
      `Check that ${name} runs there and that the URL, with user and password, is right.`,
      { cause: error },
    );
  }
}

/** Hosts and ports of URLs, without their passwords. */
function hostsOf(urls: string): string {
  return urls
    .split(',')
    .map((url) => new URL(url).host)
    .join(', ');
}
