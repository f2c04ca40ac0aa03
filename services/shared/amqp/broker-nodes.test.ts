import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { brokerNode, brokerNodes, connectBroker } from './broker-nodes.ts';

it('tries the nodes in turn, each with a heartbeat unless it names its own', () => {
  const urls = 'amqp://a:1/v, amqp://b:2?heartbeat=3';
  expect(brokerNodes(urls)).toHaveLength(2);
  expect([0, 1, 2].map((attempt) => brokerNode(urls, attempt))).toEqual([
    'amqp://a:1/v?heartbeat=10',
    'amqp://b:2?heartbeat=3',
    'amqp://a:1/v?heartbeat=10',
  ]);
});

it('fails with what the last node said when none answers', async () => {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  await expect(
    connectBroker(`amqp://127.0.0.1:${port},amqp://127.0.0.1:1`, { timeout: 2_000 }),
  ).rejects.toThrow(/ECONNREFUSED/);
  await new Promise((resolve) => server.close(resolve));
});
