/**
 * The nodes of one RabbitMQ cluster: a URL may list several, parted by commas. One that answers is enough, since each leads to all queues;
 * whoever loses his node goes to the next one.
 */
import { connect } from 'amqplib';
import type { ChannelModel } from 'amqplib';

/** Seconds between signs of life, unless the URL says otherwise: a peer that vanished is noticed within twice that. */
const HEARTBEAT_SEC = 10;

/** URL of each node. */
export function brokerNodes(urls: string): string[] {
  return urls.split(',').map((url) => url.trim());
}

/** The node to try at an attempt, counted from 0, with a heartbeat. */
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
