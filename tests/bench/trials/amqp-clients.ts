/**
 * amqplib against rabbitmq-client: the same frames, confirmed, two in flight; CPU time of this process and of the broker. The package is no
 * dependency of ours: the trial fetches it into a folder that it removes.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { connect } from 'amqplib';
import { cpuMs } from '../processes.ts';
import { runTrial, withRig } from './trial.ts';

const FRAMES = 3_000;
const FRAME_BYTES = 1_000;
const IN_FLIGHT = 2;
const PACKAGE = 'rabbitmq-client@5';

interface OtherClient {
  Connection: new (options: { url: string; noDelay: boolean }) => {
    createPublisher(options: { confirm: boolean }): {
      send(envelope: object, body: Buffer): Promise<void>;
      close(): Promise<void>;
    };
    close(): Promise<void>;
  };
}

function isOtherClient(module: unknown): module is OtherClient {
  return typeof module === 'object' && module !== null && 'Connection' in module;
}

await withRig(async (rig) => {
  const folder = mkdtempSync(join(tmpdir(), 'fg-trial-'));
  rig.undo.add('package', () => rmSync(folder, { recursive: true }));
  await promisify(execFile)(
    'npm',
    ['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts', PACKAGE],
    {
      timeout: 60_000,
    },
  );
  const other: unknown = createRequire(join(folder, 'x.js'))('rabbitmq-client');
  if (!isOtherClient(other)) throw new Error(`${PACKAGE} has no Connection`);

  const { amqpUrl } = rig.endpoints;
  const queue = 'trial-clients';
  const connection = await connect(amqpUrl, { noDelay: true });
  rig.undo.add('amqplib', () => connection.close());
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  const otherConnection = new other.Connection({ url: amqpUrl, noDelay: true });
  rig.undo.add('rabbitmq-client', () => otherConnection.close());
  const publisher = otherConnection.createPublisher({ confirm: true });
  rig.undo.add('publisher', () => publisher.close());

  const headers = { v: 1, n: 100, sale: 'trial', gen: 1, t: 1 };
  const body = Buffer.alloc(FRAME_BYTES, 'u');
  const send: Readonly<Record<string, () => Promise<void>>> = {
    amqplib: () =>
      new Promise((resolve, reject) => {
        channel.publish('', queue, body, { persistent: true, mandatory: true, headers }, (error: unknown) =>
          error instanceof Error ? reject(error) : resolve(),
        );
      }),
    'rabbitmq-client': () =>
      publisher.send({ routingKey: queue, durable: true, mandatory: true, headers }, body),
  };
  const broker = rig.brokerPid();
  await runTrial({
    title: `${FRAMES} frames of ${FRAME_BYTES} bytes, ${IN_FLIGHT} in flight, each confirmed`,
    variants: Object.keys(send),
    rounds: 5,
    compare: 'frames/s',
    async run(variant) {
      const sendOne = send[variant];
      if (!sendOne) throw new Error(`no client ${variant}`);
      const before = { own: process.cpuUsage(), broker: cpuMs(broker) };
      const startedMs = performance.now();
      let sent = 0;
      const sendNext = async (): Promise<void> => {
        while (sent++ < FRAMES) await sendOne();
      };
      await Promise.all(Array.from({ length: IN_FLIGHT }, sendNext));
      const tookMs = performance.now() - startedMs;
      const own = process.cpuUsage(before.own);
      await channel.purgeQueue(queue);
      return {
        'frames/s': (FRAMES * 1_000) / tookMs,
        'client µs a frame': (own.user + own.system) / FRAMES,
        'broker µs a frame': ((cpuMs(broker) - before.broker) * 1_000) / FRAMES,
      };
    },
  });
});
