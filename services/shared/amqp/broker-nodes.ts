/**
 * The nodes of one RabbitMQ cluster, which FLASHGRID_AMQP_URL lists with commas between. Each node leads to
 * all queues, so one that answers is enough.
 */
import { connect } from 'amqplib';
import type { ChannelModel } from 'amqplib';

/**
 * Seconds between heartbeats, unless the URL sets them. A peer that vanished is noticed within twice that.
 */
const HEARTBEAT_SEC = 10;

/** URL of each node. */
export function brokerNodes(urls: string): string[] {
  return urls.split(',').map((url) => url.trim());
}

/** URL of the node to try, with a heartbeat. `attempt` counts from 0. */
export function brokerNode(urls: string, attempt: number): string {
  const nodes = brokerNodes(urls);
  const parsed = new URL(nodes[attempt % nodes.length] ?? urls);
  if (!parsed.searchParams.has('heartbeat')) parsed.searchParams.set('heartbeat', String(HEARTBEAT_SEC));
  return parsed.href;
}

/**
 * Connects to the first node that answers.
 * @throws the error of the last one when none does
 */
export async function connectBroker(
  urls: string,
  options: { readonly timeout: number },
): Promise<ChannelModel> {
  const nodes = brokerNodes(urls);
  for (const [at, node] of nodes.entries()) {
    try {
      return await connect(node, { ...options, noDelay: true });
    } catch (error) {
      if (at === nodes.length - 1) throw error;
    }
  }
  throw new Error('no broker node is named');
}
