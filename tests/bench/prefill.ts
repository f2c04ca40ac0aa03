/** Fills the queue as gateways would, with no worker running, so that the worker's own speed shows. */
import { connect } from 'amqplib';
import { FRAME_CONTENT_TYPE, FRAME_VERSION, encodeEntry } from '../../services/shared/frame.ts';
import { declareTopology } from '../../services/shared/amqp/topology.ts';

/** Frames that may wait for their confirm at once. */
const WINDOW = 200;

export interface Prefilled {
  readonly frames: number;
  /** Bytes of the bodies, and of a frame's headers as AMQP carries them. */
  readonly bodyBytes: number;
}

/** Publishes `count` reservations of a sale in frames of `frameSize`, each confirmed. */
export async function prefill(
  amqpUrl: string,
  namespace: string,
  saleId: string,
  count: number,
  frameSize: number,
): Promise<Prefilled> {
  const connection = await connect(amqpUrl, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  const { queue } = await declareTopology(connection, namespace, amqpUrl);
  let [frames, bodyBytes] = [0, 0];
  const prefix = `fill${Math.random().toString(36).slice(2, 8)}`;
  for (let at = 0; at < count; at += frameSize) {
    const n = Math.min(frameSize, count - at);
    let text = '';
    for (let index = 0; index < n; index++)
      text += encodeEntry(`u${(at + index).toString(36).padStart(7, '0')}`, 1);
    const body = Buffer.from(text, 'latin1');
    bodyBytes += body.length;
    frames++;
    channel.publish('', queue, body, {
      persistent: true,
      contentType: FRAME_CONTENT_TYPE,
      messageId: `${prefix}-${frames.toString(36)}`,
      headers: { v: FRAME_VERSION, n, sale: saleId, gen: 1, t: Date.now() },
    });
    if (frames % WINDOW === 0) await channel.waitForConfirms();
  }
  await channel.waitForConfirms();
  await connection.close();
  return { frames, bodyBytes };
}
