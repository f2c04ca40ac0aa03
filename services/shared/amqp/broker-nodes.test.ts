import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { brokerNode, connectBroker, groupSize } from './broker-nodes.ts';

it('tries the nodes in turn, each with a heartbeat unless it names its own', () => {
  const urls = 'amqp://a:1/v, amqp://b:2?heartbeat=3';
  expect([0, 1, 2].map((attempt) => brokerNode(urls, attempt))).toEqual([
    'amqp://a:1/v?heartbeat=10',
    'amqp://b:2?heartbeat=3',
    'amqp://a:1/v?heartbeat=10',
  ]);
});

it('wants a member of a queue on each node, and never fewer than RabbitMQ takes by itself', () => {
  const nodes = (count: number) => Array.from({ length: count }, (_, at) => `amqp://n${at}`).join(', ');
  expect([1, 2, 3, 5].map((count) => groupSize(nodes(count)))).toEqual([undefined, 3, 3, 5]);
});

it('names each node with what it said when none answers', async () => {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  await expect(
    connectBroker(`amqp://127.0.0.1:${port},amqp://127.0.0.1:1`, { timeout: 2_000 }),
  ).rejects.toThrow(new RegExp(`^127.0.0.1:${port}: Socket closed.*; 127.0.0.1:1: .*ECONNREFUSED`));
  await new Promise((resolve) => server.close(resolve));
});
