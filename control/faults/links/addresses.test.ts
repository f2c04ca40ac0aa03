import { expect, it } from 'vitest';
import { addressesOf } from './addresses.ts';

const endpoints = {
  amqpUrl: 'amqp://u:p@[::1]:5673/vhost,amqps://u:p@rabbit.example',
  redisUrl: 'redis://:p@127.0.0.1:6380/2',
  postgresUrl: 'postgresql://u:p@db.example/shop?sslmode=verify-full',
};

it('finds the address of each node, with the default port where none is named', () => {
  expect(addressesOf('rabbitmq', endpoints, 'worker-rabbitmq')).toEqual([
    { host: '::1', port: 5673 },
    { host: 'rabbit.example', port: 5671 },
  ]);
  expect(addressesOf('redis', endpoints, 'worker-redis')).toEqual([{ host: '127.0.0.1', port: 6380 }]);
  expect(addressesOf('postgres', endpoints, 'worker-postgres')).toEqual([{ host: 'db.example', port: 5432 }]);
});

it('refuses, with the reason, where connections would go round the proxy', () => {
  for (const redisUrl of ['redis://a:1,redis://b:2', 'redis+cluster://a,b', 'redis+sentinel://a,b/shop'])
    expect(() => addressesOf('redis', { ...endpoints, redisUrl }, 'worker-redis')).toThrow(
      /worker-redis.*Redis Cluster/,
    );
  const socketFile = { ...endpoints, postgresUrl: 'postgresql://u@db/shop?host=/run/postgresql' };
  expect(() => addressesOf('postgres', socketFile, 'gateway-postgres')).toThrow(
    /gateway-postgres.*socket file/,
  );
});
