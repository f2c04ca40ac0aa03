/** The URLs of external backends: one table for the settings' schema, the start and the doctor. */
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
    protocols: ['redis:', 'rediss:'],
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

/** The URLs in a setting: the seeds of a Redis Cluster and the nodes of a RabbitMQ cluster are separated by commas. */
export function urlsIn({ role }: ExternalUrl, text: string): string[] {
  return role === 'postgres' ? [text] : text.split(',');
}

/** What is wrong with a URL, as the end of a sentence; `undefined` when nothing is. */
export function urlProblem(target: ExternalUrl, text: string): string | undefined {
  const { protocols } = target;
  for (const part of urlsIn(target, text)) {
    const url = URL.canParse(part) ? new URL(part) : undefined;
    if (!url || !protocols.includes(url.protocol))
      return `must begin with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`;
    if (url.hostname === '') return 'must name a host';
  }
  return undefined;
}
