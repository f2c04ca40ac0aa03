/** What tests/broker-cluster.test.ts does with the machine's RabbitMQ, on today's: three nodes of RabbitMQ 4 in containers. */
import { describe, expect } from 'vitest';
import { externalFindings } from '../../control/cluster/external/external-cluster.ts';
import { connectBroker } from '../../services/shared/amqp/broker-nodes.ts';
import { declareTopology } from '../../services/shared/amqp/topology.ts';
import { testEndpoints } from '../support/backends.ts';
import { survivesNodesThatGo } from '../support/broker-scenarios.ts';
import { makeBrokerContainers, type BrokerContainers } from './support/broker-containers.ts';
import { hasNoDaemon } from './support/rig.ts';

describe.skipIf(hasNoDaemon)('RabbitMQ 4', () => {
  survivesNodesThatGo('as a cluster of three containers, of which one was there first', async () => {
    const cluster = await makeBrokerContainers();
    try {
      await growFromOne(cluster);
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  });
});

/** Starts one node, declares queues, and starts the others: the doctor says what is missing each time, and its commands mend it. */
async function growFromOne({ nodes, urls }: BrokerContainers): Promise<void> {
  const [first, ...others] = nodes;
  if (!first) throw new Error('there are no nodes');
  const doctor = async () =>
    (await externalFindings({ ...testEndpoints(), amqpUrl: urls })).find(
      ({ id }) => id === 'external.rabbitmq',
    );
  await first.start();
  const connection = await connectBroker(urls, { timeout: 5_000 });
  await declareTopology(connection, 'fg', urls);
  await connection.close();
  const away = others.map(({ url }) => new URL(url).host);
  const alone = await doctor();
  expect(alone).toMatchObject({ status: 'warning' });
  for (const host of away) expect(alone?.detail).toContain(`${host} (nothing listens`);
  await Promise.all(others.map((node) => node.start()));
  const lacking = await doctor();
  expect(lacking).toMatchObject({ status: 'warning' });
  expect(lacking?.detail).toContain('fg.frames has 1 of 3 members (rabbit@mq-1)');
  const commands = [...(lacking?.detail.matchAll(/`(rabbitmq-queues [^`]+)`/g) ?? [])].map(
    ([, one = '']) => one,
  );
  expect(commands.length).toBeGreaterThanOrEqual(others.length);
  for (const command of commands) await first.run('sh', '-c', command);
  expect(await doctor()).toMatchObject({ status: 'ok' });
}
