/**
 * The nodes of one RabbitMQ cluster, which FLASHGRID_AMQP_URL lists with commas between. Each node leads to
 * all queues, so one that answers is enough.
 */
import { connect } from 'amqplib';
import type { ChannelModel } from 'amqplib';
import { errorText } from '../error-text.ts';
import { urlList } from '../url-list.ts';

/**
 * Seconds between heartbeats, unless the URL sets them. A peer that vanished is noticed within twice that.
 */
const HEARTBEAT_SEC = 10;
/** Members that RabbitMQ gives to a quorum queue by itself, where the cluster has as many nodes. */
const USUAL_GROUP_SIZE = 3;

/** URL of the node to try, with a heartbeat. `attempt` counts from 0. */
export function brokerNode(urls: string, attempt: number): string {
  const nodes = urlList(urls);
  const parsed = new URL(nodes[attempt % nodes.length] ?? urls);
  if (!parsed.searchParams.has('heartbeat')) parsed.searchParams.set('heartbeat', String(HEARTBEAT_SEC));
  return parsed.href;
}

/**
 * Members that a queue is to be born with: one on each node. RabbitMQ takes fewer where there are fewer nodes. A single URL
 * says nothing of the nodes behind it, so RabbitMQ's own default is kept.
 */
export function groupSize(urls: string): number | undefined {
  const nodes = urlList(urls).length;
  // The list may leave nodes out: never fewer than RabbitMQ would take.
  return nodes === 1 ? undefined : Math.max(USUAL_GROUP_SIZE, nodes);
}

/**
 * Connects to the first node that answers.
 * @throws the error of the last one when none does; with several nodes it names each
 */
export async function connectBroker(
  urls: string,
  options: { readonly timeout: number },
): Promise<ChannelModel> {
  const failed: string[] = [];
  let last: unknown;
  for (const node of urlList(urls)) {
    try {
      return await connect(node, { ...options, noDelay: true });
    } catch (error) {
      last = error;
      failed.push(`${new URL(node).host}: ${errorText(error)}`);
    }
  }
  throw failed.length === 1 ? last : new Error(failed.join('; '), { cause: last });
}
