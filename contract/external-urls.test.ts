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
  [
    'redisUrl',
    'localhost:6379',
    'must begin with redis://, rediss://, redis+sentinel:// or redis+cluster://',
  ],
  [
    'redisUrl',
    'redis://one:6379,two:6379',
    'must begin with redis://, rediss://, redis+sentinel:// or redis+cluster://',
  ],
  [
    'redisUrl',
    'redis+sentinel://:p@one:26379,two',
    'must end with "/" and the name under which Sentinel knows the primary',
  ],
  ['redisUrl', 'redis+cluster://:p@one:x', 'must name its hosts as host:port, separated by commas'],
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
  expect(issuesOf({ redisUrl: 'redis+cluster://:p@one:6379,two:6379' })).toEqual([]);
  expect(issuesOf({ redisUrl: 'rediss+sentinel://:p@one,two:26380/shop?sentinelPassword=q' })).toEqual([]);
});

it('names an example of the kind that was begun', () => {
  expect(issuesOf({ redisUrl: 'redis+sentinel://one' })[0]).toMatch(/, like redis\+sentinel:\/\/.*\/name$/);
  expect(issuesOf({ redisUrl: 'redis+cluster://' })[0]).toMatch(/, like redis\+cluster:\/\//);
});
