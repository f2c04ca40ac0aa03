import { connectBroker } from '../../services/shared/amqp/broker-nodes.ts';
import type { Channel, ChannelModel } from 'amqplib';
import { declareTopology, topology } from '../../services/shared/amqp/topology.ts';
import type { Deployment } from '../cluster/cluster.ts';

const CONNECT_TIMEOUT_MS = 5_000;

/** Counts the messages in a namespace's queues. Connects on the first count, and again after a loss. */
export class QueueProbe {
  readonly #deployment: Deployment;
  #model: ChannelModel | undefined;
  #channel: Promise<Channel> | undefined;

  constructor(deployment: Deployment) {
    this.#deployment = deployment;
  }

  /** Frames that wait, and frames in the dead-letter queue. Frames in a worker's hand are not among them. */
  async count(): Promise<{ waiting: number; dead: number }> {
    const channel = await this.#sharedChannel();
    const { queue, deadQueue } = topology(this.#deployment.namespace);
    const [waiting, dead] = await Promise.all([channel.checkQueue(queue), channel.checkQueue(deadQueue)]);
    return { waiting: waiting.messageCount, dead: dead.messageCount };
  }

  async close(): Promise<void> {
    // An attempt that is still under way must not leave a connection behind.
    await this.#channel?.catch(() => undefined);
    const model = this.#model;
    this.#model = undefined;
    this.#channel = undefined;
    await model?.close();
  }

  /** One attempt at a time, which all callers share. */
  #sharedChannel(): Promise<Channel> {
    if (this.#channel) return this.#channel;
    const opening = this.#open();
    const reset = () => {
      if (this.#channel === opening) this.#channel = undefined;
    };
    this.#channel = opening;
    opening.then((channel) => channel.on('close', reset), reset);
    return opening;
  }

  async #open(): Promise<Channel> {
    const model = (this.#model ??= await this.#connect());
    // checkQueue on a missing queue would close the channel.
    await declareTopology(model, this.#deployment.namespace, this.#deployment.amqpUrl);
    const channel = await model.createChannel();
    // The pending call fails by itself. Without a listener, the error would end the process.
    channel.on('error', () => undefined);
    return channel;
  }

  async #connect(): Promise<ChannelModel> {
    const model = await connectBroker(this.#deployment.amqpUrl, { timeout: CONNECT_TIMEOUT_MS });
    model.on('error', () => undefined);
    model.on('close', () => {
      if (this.#model !== model) return;
      this.#model = undefined;
      this.#channel = undefined;
    });
    return model;
  }
}
