import { describe, expect, it, vi } from 'vitest';
import { decodeEntries, parseMessage } from '../shared/frame.ts';
import { BUCKET_SLOTS, parseReservationId } from '../shared/ids.ts';
import { rareCounts } from '../shared/rare-paths.ts';
import type { SaleFacts } from '../shared/sales.ts';
import { FrameCollector } from './frame-collector.ts';
import type { FrameEnd, OutgoingMessage } from './frame-collector.ts';

const DIGEST = 'abcdefghijklmnopqrstuv';

function saleFacts(id: string, generation = 1): SaleFacts {
  return {
    id,
    title: id,
    stock: 20,
    perBuyerLimit: 4,
    mode: 'queue',
    status: 'open',
    generation,
    isSoldOut: false,
  };
}

/** A collector with a publisher that keeps what it is given, and a clock of turns that the test drives. */
function world(
  options: { maxFrame?: number; maxUnconfirmed?: number; maxFlights?: number; gapMs?: number } = {},
) {
  const published: OutgoingMessage[] = [];
  const answers: string[] = [];
  const settled: string[] = [];
  const publisher = { isWritable: true, publish: (frame: OutgoingMessage) => void published.push(frame) };
  let turn: (() => void)[] = [];
  const collector = new FrameCollector<string>({
    gatewayId: 'gateway1',
    maxFrame: options.maxFrame ?? 512,
    maxUnconfirmed: options.maxUnconfirmed ?? 1_000,
    maxFlights: options.maxFlights ?? 1_000,
    gapMs: options.gapMs ?? 0,
    publisher,
    rare: rareCounts('gateway'),
    answerer: {
      accept: (reply, id) => void answers.push(`${reply} ${id}`),
      fail: (reply, id, end) => void answers.push(`${reply} ${id} ${end}`),
      onSettled: (frames, total, end) => {
        const sales = [...frames].map(({ saleId, count }) => `${saleId} ${count}`);
        settled.push(`${sales.join(', ')}: ${total} ${end}`);
      },
    },
    schedule: (run) => void turn.push(run),
  });
  return {
    collector,
    publisher,
    published,
    answers,
    settled,
    add: (userId: string, saleId = 'demo', digest?: string) =>
      collector.add(saleFacts(saleId), userId, 1, digest, `reply-${userId}`),
    endTurn: () => {
      const due = turn;
      turn = [];
      for (const run of due) run();
    },
    settleAll: (end: FrameEnd) => {
      for (const frame of published.splice(0)) frame.settle(end);
    },
  };
}

describe('a frame collector', () => {
  it('makes one frame of what arrives for one sale in one turn', () => {
    const { add, endTurn, published } = world();
    for (const user of ['a', 'b', 'c']) add(user);
    expect(published).toHaveLength(0);
    endTurn();
    add('d');
    endTurn();
    expect(published.map(({ id, count }) => [id, count])).toEqual([
      ['gateway1-100', 3],
      ['gateway1-101', 1],
    ]);
  });

  it('writes frames that the worker reads back', () => {
    const { collector, endTurn, published } = world();
    collector.add(saleFacts('demo', 7), 'a', 1, undefined, '');
    collector.add(saleFacts('demo', 7), 'b', 3, undefined, '');
    collector.add(saleFacts('demo', 7), 'c', 1, DIGEST, '');
    endTurn();
    const [frame] = published;
    if (frame === undefined) throw new Error('no frame');
    const [parsed] = parseMessage(frame.id, frame.headers, frame.body);
    expect(parsed).toMatchObject({ id: 'gateway1-100', saleId: 'demo', generation: 7, count: 3 });
    expect(parsed && decodeEntries(parsed.body)).toEqual([
      { userId: 'a', quantity: 1 },
      { userId: 'b', quantity: 3 },
      { userId: 'c', quantity: 1, digest: DIGEST },
    ]);
  });

  it('puts a frame of each sale into one message, and parts generations of one sale', () => {
    const { collector, add, endTurn, published, settleAll, answers, settled } = world();
    add('a', 'one');
    add('b', 'two');
    add('c', 'one');
    collector.add(saleFacts('one', 2), 'd', 1, undefined, 'reply-d');
    endTurn();
    const read = published.map(({ id, headers, body }) =>
      parseMessage(id, headers, body).map((frame) => [
        frame.id,
        frame.saleId,
        frame.generation,
        decodeEntries(frame.body).map(({ userId }) => userId),
      ]),
    );
    expect(read).toEqual([
      [
        ['gateway1-100', 'one', 1, ['a', 'c']],
        ['gateway1-200', 'two', 1, ['b']],
      ],
      [['gateway1-101', 'one', 2, ['d']]],
    ]);
    settleAll('confirmed');
    expect(answers).toEqual([
      'reply-a one.gateway1-100.0',
      'reply-c one.gateway1-100.1',
      'reply-b two.gateway1-200.0',
      'reply-d one.gateway1-101.0',
    ]);
    expect(settled).toEqual(['one 2, two 1: 3 confirmed', 'one 1: 1 confirmed']);
  });

  it('fails every sale of a message that was not confirmed', () => {
    const { add, endTurn, answers, settleAll, collector } = world();
    add('a', 'one');
    add('b', 'two', DIGEST);
    endTurn();
    settleAll('lost');
    expect(answers).toEqual(['reply-a one.gateway1-100.0 lost', `reply-b two.k.${DIGEST} lost`]);
    expect(collector.unconfirmedNow).toBe(0);
  });

  it('bounds a message by the reservations of all its sales', () => {
    const { add, published } = world({ maxFrame: 3 });
    for (const sale of ['one', 'two', 'three', 'four']) add('a', sale);
    expect(published.map(({ count }) => count)).toEqual([3]);
  });

  it('begins another bucket when the slots of one are used, and knows which slots are not', () => {
    const { add, endTurn, published, collector } = world();
    const unused = (frameId: string) =>
      collector.isUnused({ kind: 'framed', saleId: 'demo', frameId, index: 0 });
    expect(unused('gateway1-100')).toBe(false);
    for (let frame = 0; frame <= BUCKET_SLOTS; frame++) {
      add(`u${frame}`);
      endTurn();
    }
    expect(published.map(({ id }) => id).slice(-3)).toEqual(['gateway1-11q', 'gateway1-11r', 'gateway1-200']);
    expect(['gateway1-11r', 'gateway1-200', 'gateway1-201'].map(unused)).toEqual([false, false, true]);
  });

  it('publishes a full frame at once', () => {
    const { add, published, endTurn } = world({ maxFrame: 2 });
    for (const user of ['a', 'b', 'c']) add(user);
    expect(published.map(({ count }) => count)).toEqual([2]);
    endTurn();
    expect(published.map(({ count }) => count)).toEqual([2, 1]);
  });

  it('answers all of a frame on its confirm, each with the id of its place', () => {
    const { add, endTurn, answers, settleAll, settled, collector } = world();
    add('a');
    add('b', 'demo', DIGEST);
    add('c');
    endTurn();
    expect(answers).toEqual([]);
    settleAll('confirmed');
    expect(answers).toEqual([
      'reply-a demo.gateway1-100.0',
      `reply-b demo.k.${DIGEST}`,
      'reply-c demo.gateway1-100.2',
    ]);
    expect(settled).toEqual(['demo 3: 3 confirmed']);
    expect(collector.unconfirmedNow).toBe(0);
    for (const answer of answers) expect(parseReservationId(answer.split(' ')[1] ?? '')).toBeDefined();
  });

  it.each(['nacked', 'returned', 'timeout', 'lost', 'away'] as const)(
    'tells all of a frame that it %s',
    (end) => {
      const { add, endTurn, answers, settleAll } = world();
      add('a');
      endTurn();
      settleAll(end);
      expect(answers).toEqual([`reply-a demo.gateway1-100.0 ${end}`]);
    },
  );

  it('answers once, however often a frame is settled', () => {
    const { add, endTurn, published, answers, collector } = world();
    add('a');
    endTurn();
    published[0]?.settle('timeout');
    published[0]?.settle('confirmed');
    expect(answers).toEqual(['reply-a demo.gateway1-100.0 timeout']);
    expect(collector.unconfirmedNow).toBe(0);
  });

  it('refuses past its bound, and takes again once something is confirmed', () => {
    const { add, endTurn, settleAll } = world({ maxUnconfirmed: 2 });
    expect([add('a'), add('b'), add('c')]).toEqual([true, true, false]);
    endTurn();
    expect(add('c')).toBe(false);
    settleAll('confirmed');
    expect(add('c')).toBe(true);
  });

  it('lets the open frame grow while enough frames wait for their confirm', () => {
    const { add, endTurn, published } = world({ maxFlights: 1 });
    add('a');
    endTurn();
    add('b');
    endTurn();
    add('c');
    endTurn();
    expect(published.map(({ count }) => count)).toEqual([1]);
    published[0]?.settle('confirmed');
    endTurn();
    expect(published.map(({ count }) => count)).toEqual([1, 2]);
  });

  it('keeps a gap behind a message of several, unless the next one is full', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
    try {
      const { add, endTurn, published } = world({ gapMs: 2, maxFrame: 3 });
      const counts = () => published.map(({ count }) => count);
      for (const buyer of ['a', 'b']) add(buyer);
      endTurn();
      add('c');
      endTurn();
      vi.advanceTimersByTime(1);
      add('d');
      endTurn();
      expect(counts()).toEqual([2]);
      vi.advanceTimersByTime(1);
      expect(counts()).toEqual([2, 2]);
      for (const buyer of ['e', 'f', 'g']) add(buyer);
      expect(counts()).toEqual([2, 2, 3]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('lets one alone wait for nothing, and the next one neither', () => {
    const { add, endTurn, published } = world({ gapMs: 60_000 });
    for (const buyer of ['a', 'b']) {
      add(buyer);
      endTurn();
    }
    expect(published.map(({ count }) => count)).toEqual([1, 1]);
  });

  it('keeps the open frame while the publisher has no room, until it is flushed', () => {
    const { add, endTurn, published, publisher, collector } = world();
    publisher.isWritable = false;
    add('a');
    endTurn();
    add('b');
    endTurn();
    expect(published).toHaveLength(0);
    publisher.isWritable = true;
    collector.flush();
    expect(published.map(({ count }) => count)).toEqual([2]);
  });

  it('can be given new work by the answer that it gives', () => {
    const published: OutgoingMessage[] = [];
    let again = 3;
    const collector: FrameCollector<string> = new FrameCollector<string>({
      gatewayId: 'gateway1',
      maxFrame: 1,
      maxUnconfirmed: 1,
      maxFlights: 1,
      gapMs: 0,
      publisher: { isWritable: true, publish: (frame) => void published.push(frame) },
      rare: rareCounts('gateway'),
      answerer: {
        accept: () => {
          if (again-- > 0) expect(collector.add(saleFacts('demo'), 'u', 1, undefined, '')).toBe(true);
        },
        fail: () => expect.unreachable(),
        onSettled: () => undefined,
      },
    });
    collector.add(saleFacts('demo'), 'u', 1, undefined, '');
    for (let frame = published.shift(); frame !== undefined; frame = published.shift())
      frame.settle('confirmed');
    expect(collector.lastBucket).toBe(1);
    expect(again).toBe(-1);
    expect(collector.unconfirmedNow).toBe(0);
  });
});
