import { createServer } from 'node:http';
import { pino } from 'pino';
import { afterAll, describe, expect, it } from 'vitest';
import { parseMessage } from '../shared/frame.ts';
import { rareCounts } from '../shared/rare-paths.ts';
import { ReleaseStack } from '../shared/release-stack.ts';
import { FrameCollector, type OutgoingMessage } from './frame-collector.ts';
import type { ReserveReply } from './reserve-reply.ts';
import { GatewayTracing } from './tracing.ts';

const CLIENTS = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7';
const undo = new ReleaseStack();
afterAll(() => undo.release());

const reply: ReserveReply = { accept: () => undefined, reject: () => undefined };

/** A collector whose messages are kept, and the tracing of one reservation in `every`. */
async function world(every: number) {
  // Takes everything, and says so: nothing is tried again.
  const sink = createServer((request, response) => request.resume().once('end', () => response.end('{}')));
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
  undo.add('sink', () => sink.close());
  const address = sink.address();
  const endpoint = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  const log = pino({ level: 'silent' });
  const tracing = new GatewayTracing({ endpoint, service: 'gateway', instanceId: 'g', log, undo }, every);
  const published: OutgoingMessage[] = [];
  const collector = new FrameCollector<ReserveReply>({
    gatewayId: 'gateway1',
    maxFrame: 512,
    maxUnconfirmed: 10_000,
    maxFlights: 1_000,
    gapMs: 0,
    publisher: { isWritable: true, publish: (message) => void published.push(message) },
    rare: rareCounts('gateway'),
    answerer: {
      accept: (one, id) => one.accept(id),
      fail: () => undefined,
      onSettled: () => undefined,
    },
    traceMessage: (frames) => tracing.message(frames),
    schedule: () => undefined,
  });
  const add = (saleId: string, traceparent?: string): boolean => {
    const sale = { id: saleId, title: saleId, stock: 20, perBuyerLimit: 4, generation: 1, isSoldOut: false };
    const followed = tracing.follow(reply, traceparent);
    collector.add({ ...sale, mode: 'queue', status: 'open' }, 'buyer', 1, undefined, followed);
    return followed !== reply;
  };
  return { add, collector, published, tracing };
}

describe('the traces of a gateway', () => {
  it('mark in a message of many sales the frames with a sampled reservation, and no other', async () => {
    const { add, collector, published } = await world(1_000_000);
    expect(add('first')).toBe(true);
    collector.flush();
    for (const saleId of ['a', 'b', 'c', 'd', 'b'])
      expect(add(saleId, { b: `${CLIENTS}-01`, c: `${CLIENTS}-00`, d: `${CLIENTS}-01` }[saleId])).toBe(
        'bd'.includes(saleId),
      );
    collector.flush();
    add('a');
    collector.flush();
    const frames = published.map(({ id, headers, body }) => parseMessage(id, headers, body));
    const traced = frames.map((all) => all.filter((one) => one.traceparent).map(({ saleId }) => saleId));
    expect(traced).toEqual([['first'], ['b', 'd'], []]);
    expect(frames[1]?.[1]?.traceparent).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/);
    // What is not traced looks as it always did.
    expect(Object.keys(published[2]?.headers ?? {})).toEqual(['v', 'n', 'sale', 'gen', 't']);
    for (const message of published) message.settle('confirmed');
  });

  it('sample one in so many', async () => {
    const { add } = await world(4);
    expect(Array.from({ length: 9 }, () => add('a'))).toEqual(
      [0, 1, 2, 3, 4, 5, 6, 7, 8].map((at) => at % 4 === 0),
    );
  });

  it('are bounded, however many traces clients ask for', async () => {
    const { add } = await world(1_000_000);
    const sampled = Array.from({ length: 5_000 }, () => add('a', `${CLIENTS}-01`)).filter(Boolean);
    // Of each second that it took.
    expect(sampled.length).toBeGreaterThanOrEqual(200);
    expect(sampled.length).toBeLessThan(2_500);
  });

  it('forget a reservation that is answered without a frame', async () => {
    const { tracing } = await world(1);
    const rejected = tracing.follow(reply, undefined);
    rejected.accept('answered');
    // No reservation is left to look for, so the frames are not even searched.
    const frames = [{ id: 'f', replies: [rejected] }];
    expect(tracing.message(frames)).toBeUndefined();
  });
});
