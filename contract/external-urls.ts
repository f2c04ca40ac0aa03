/** The URLs of external backends: one table for the settings' schema, the start and the doctor. */
import { isOneRedisUrl, redisUrlProblem } from '../services/shared/redis-url.ts';
import { urlList } from '../services/shared/url-list.ts';
import type { BackendRole } from './backends.ts';

export interface ExternalUrl {
  readonly role: BackendRole;
  readonly title: string;
  readonly field: 'amqpUrl' | 'redisUrl' | 'postgresUrl';
  readonly protocols: readonly string[];
  readonly example: string;
}

export const EXTERNAL_URLS: readonly ExternalUrl[] = [
  {
    role: 'redis',
    title: 'Redis',
    field: 'redisUrl',
    protocols: ['redis:', 'rediss:', 'redis+sentinel:', 'redis+cluster:'],
    example: 'redis://user:password@host:6379',
  },
  {
    role: 'postgres',
    title: 'Postgres',
    field: 'postgresUrl',
    protocols: ['postgres:', 'postgresql:'],
    example: 'postgresql://user:password@host:5432/database',
  },
  {
    role: 'rabbitmq',
    title: 'RabbitMQ',
    field: 'amqpUrl',
    protocols: ['amqp:', 'amqps:'],
    example: 'amqp://user:password@host:5672',
  },
];

/**
 * The URLs in a setting: those of the nodes of a RabbitMQ cluster are separated by commas. Of a Redis Cluster, URLs or the
 * hosts in one URL are.
 */
export function urlsIn({ role }: ExternalUrl, text: string): string[] {
  return role === 'postgres' || isOneRedisUrl(text) ? [text] : urlList(text);
}

/** A URL that would do, of the kind that `text` begins like. */
export function exampleFor({ role, example }: ExternalUrl, text: string): string {
  if (role !== 'redis' || !isOneRedisUrl(text)) return example;
  return text.includes('+sentinel:')
    ? 'redis+sentinel://:password@host1:26379,host2:26379,host3:26379/name'
    : 'redis+cluster://:password@host1:6379,host2:6379,host3:6379';
}

/** What is wrong with a URL, as the end of a sentence; `undefined` when nothing is. */
export function urlProblem(target: ExternalUrl, text: string): string | undefined {
  if (target.role === 'redis') return redisUrlProblem(text);
  const { protocols } = target;
  for (const part of urlsIn(target, text)) {
    const url = URL.canParse(part) ? new URL(part) : undefined;
    if (!url || !protocols.includes(url.protocol))
      return `must begin with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`;
    if (url.hostname === '') return 'must name a host';
  }
  return undefined;
}
