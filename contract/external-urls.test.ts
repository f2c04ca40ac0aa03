import { expect, it } from 'vitest';
import { settingsSchema } from './settings.ts';

const issuesOf = (external: object) => {
  const parsed = settingsSchema.safeParse({ external });
  return parsed.success
    ? []
    : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
};

it.each([
  ['amqpUrl', 'amqp://a:1,htp://nonsense', 'must begin with amqp:// or amqps://'],
  ['amqpUrl', 'htp://nonsense', 'must begin with amqp:// or amqps://'],
  ['amqpUrl', 'redis://127.0.0.1:6379', 'must begin with amqp:// or amqps://'],
  ['redisUrl', 'localhost:6379', 'must begin with redis:// or rediss://'],
  ['redisUrl', 'redis://one:6379,two:6379', 'must begin with redis:// or rediss://'],
  ['postgresUrl', 'postgresql', 'must begin with postgres:// or postgresql://'],
  ['postgresUrl', 'postgresql:///database', 'must name a host'],
] as const)('does not take %s %j', (field, url, why) => {
  expect(issuesOf({ [field]: url })).toEqual([expect.stringContaining(`external.${field}: ${why}, like `)]);
});

it('takes what a start takes, and nothing at all', () => {
  expect(
    issuesOf({
      amqpUrl: 'amqps://user:p%40ss@mq.example:5671/vhost',
      redisUrl: 'redis://one:6379,rediss://two:6380',
      postgresUrl: ' postgres://user@db.example/flashgrid ',
    }),
  ).toEqual([]);
  expect(issuesOf({ amqpUrl: '', redisUrl: '', postgresUrl: '' })).toEqual([]);
});
