/** The queue's type: frames published with confirms, two in flight, and consumed at the same time. */
import { once } from 'node:events';
import { connect } from 'amqplib';
import { cpuMs } from '../processes.ts';
import type { Rig } from '../rig.ts';
import { runTrial, withRig } from './trial.ts';

const FRAMES = 1_500;
const FRAME_BYTES = 1_000;
const IN_FLIGHT = 2;
const PREFETCH = 32;

const VARIANTS: Readonly<Record<string, Record<string, unknown>>> = {
  quorum: { 'x-queue-type': 'quorum' },
  classic: { 'x-queue-type': 'classic' },
  stream: { 'x-queue-type': 'stream' },
};

/** Publishes and consumes all frames; tells how long a confirm took. */
async function run(rig: Rig, variant: string): Promise<Record<string, number>> {
  const broker = rig.brokerPid();
  const connection = await connect(rig.endpoints.amqpUrl, { noDelay: true });
  const consuming = await connect(rig.endpoints.amqpUrl, { noDelay: true });
  try {
    const queue = `trial-${variant}-${Math.random().toString(36).slice(2)}`;
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue(queue, { durable: true, arguments: VARIANTS[variant] ?? {} });
    const consumer = await consuming.createChannel();
    await consumer.prefetch(PREFETCH);
    let consumed = 0;
    const allConsumed = new Promise<void>((resolve) => {
      void consumer.consume(
        queue,
        (message) => {
          if (!message) return;
          consumer.ack(message);
          if (++consumed === FRAMES) resolve();
        },
        variant === 'stream' ? { arguments: { 'x-stream-offset': 'first' } } : {},
      );
    });
    const body = Buffer.alloc(FRAME_BYTES, 'u');
    const waitsMs: number[] = [];
    const cpuBefore = cpuMs(broker);
    const startedMs = performance.now();
    let sent = 0;
    const sendNext = async (): Promise<void> => {
      while (sent < FRAMES) {
        sent++;
        const sentMs = performance.now();
        await new Promise<void>((resolve, reject) => {
          channel.publish('', queue, body, { persistent: true }, (error: unknown) =>
            error instanceof Error ? reject(error) : resolve(),
          );
        });
        waitsMs.push(performance.now() - sentMs);
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, sendNext));
    const confirmedMs = performance.now() - startedMs;
    await allConsumed;
    waitsMs.sort((a, b) => a - b);
    const figures = {
      'frames/s': (FRAMES * 1_000) / confirmedMs,
      'confirm p50 ms': waitsMs[FRAMES >> 1] ?? 0,
      'confirm p99 ms': waitsMs[Math.floor(FRAMES * 0.99)] ?? 0,
      'broker µs a frame': ((cpuMs(broker) - cpuBefore) * 1_000) / FRAMES,
    };
    await channel.deleteQueue(queue);
    return figures;
  } finally {
    const closed = once(consuming, 'close');
    await Promise.all([connection.close(), consuming.close(), closed]);
  }
}

await withRig((rig) =>
  runTrial({
    title: `${FRAMES} frames of ${FRAME_BYTES} bytes, ${IN_FLIGHT} in flight, each confirmed, consumed at once`,
    variants: Object.keys(VARIANTS),
    rounds: 5,
    compare: 'frames/s',
    run: (variant) => run(rig, variant),
  }),
);
