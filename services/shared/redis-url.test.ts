import { describe, expect, it } from 'vitest';
import { parseRedisUrl, redisHosts, redisNodeUrls, redisUrlProblem } from './redis-url.ts';

describe('parseRedisUrl', () => {
  it('reads one server, and several URLs as the nodes of a Cluster with the login of the first', () => {
    expect(parseRedisUrl('rediss://me:p%40ss@redis.example/2')).toEqual({
      kind: 'single',
      nodes: [{ host: 'redis.example', port: 6379 }],
      username: 'me',
      password: 'p@ss',
      isTls: true,
    });
    expect(parseRedisUrl('redis://:p@a:1,redis://b:2')).toEqual({
      kind: 'cluster',
      nodes: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
      password: 'p',
      isTls: false,
    });
  });

  it('reads a Cluster with addresses behind NAT', () => {
    expect(
      parseRedisUrl('redis+cluster://:p@a:1,b,[::1]:3?natMap=10.0.0.1:6379>a:1,10.0.0.2:6379>b:2'),
    ).toEqual({
      kind: 'cluster',
      nodes: [
        { host: 'a', port: 1 },
        { host: 'b', port: 6379 },
        { host: '::1', port: 3 },
      ],
      password: 'p',
      isTls: false,
      natMap: { '10.0.0.1:6379': { host: 'a', port: 1 }, '10.0.0.2:6379': { host: 'b', port: 2 } },
    });
  });

  it('reads Sentinels with a password of their own, and a password with "@" and "/" as typed', () => {
    expect(parseRedisUrl('rediss+sentinel://me:p/@s@a:1,b/shop-1?sentinelPassword=q%26')).toEqual({
      kind: 'sentinel',
      name: 'shop-1',
      nodes: [
        { host: 'a', port: 1 },
        { host: 'b', port: 26379 },
      ],
      username: 'me',
      password: 'p/@s',
      sentinelPassword: 'q&',
      isTls: true,
    });
    expect(parseRedisUrl(' redis+sentinel://a/shop ')).toMatchObject({ kind: 'sentinel', name: 'shop' });
  });

  it.each([
    ['', 'must begin with'],
    ['localhost:6379', 'must begin with'],
    ['http://localhost', 'must begin with'],
    ['redis://a, redis://b', 'must begin with'],
    ['redis://a,b', 'must begin with'],
    ['redis+other://a', 'must begin with'],
    ['redis://', 'must name a host'],
    ['redis+cluster://', 'must name its hosts'],
    ['redis+cluster://a:1,', 'must name its hosts'],
    ['redis+cluster://a:0', 'must name its hosts'],
    ['redis+cluster://a:65536', 'must name its hosts'],
    ['redis+cluster://a:1,redis+cluster://b:2', 'must name its hosts'],
    ['redis+cluster://a:1/2', 'must end after its hosts'],
    ['redis+cluster://:100%@a:1', 'must write a "%"'],
    ['redis+cluster://a:1?sentinelPassword=x', 'must have no options but natMap after'],
    ['redis+cluster://a:1?natMap=b:1', 'must give its option natMap as told:port>reached:port'],
    ['redis+sentinel://a:1', 'must end with "/" and the name'],
    ['redis+sentinel://a:1/', 'must end with "/" and the name'],
    ['redis+sentinel://a:1/x/y', 'must end with "/" and the name'],
    ['redis+sentinel://a:1/x?db=1', 'must have no options but natMap and sentinelPassword'],
  ])('refuses %j', (text, why) => {
    expect(redisUrlProblem(text)).toContain(why);
  });
});

it('gives each server a URL of its own with the login that it takes', () => {
  expect(redisNodeUrls('redis://:p@h/1')).toEqual(['redis://:p@h/1']);
  expect(redisNodeUrls('rediss+cluster://me:p%40@a:1,[::1]:2')).toEqual([
    'rediss://me:p%40@a:1',
    'rediss://me:p%40@[::1]:2',
  ]);
  expect(redisNodeUrls('redis+sentinel://:p@a:1,b:2/shop')).toEqual(['redis://a:1', 'redis://b:2']);
  expect(redisNodeUrls('redis+sentinel://:p@a:1/shop?sentinelPassword=q')).toEqual(['redis://:q@a:1']);
  expect(redisHosts('redis+sentinel://:p@a:1,b/shop')).toBe('a:1, b:26379');
});
