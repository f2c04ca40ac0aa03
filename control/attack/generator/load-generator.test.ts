import { performance } from 'node:perf_hooks';
import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { paceOf, parseStages } from '../../../contract/load-stages.ts';
import { attackSettingsSchema } from '../../../contract/attack-settings.ts';
import { acknowledge, startServer, startTcpServer } from '../../../tests/support/misbehaving-server.ts';
import type { GeneratorJob, IntervalMessage, ResultMessage } from '../protocol/generator-messages.ts';
import { Crowd } from '../protocol/crowd.ts';
import { LatencyHistogram } from '../protocol/latency-histogram.ts';
import { LoadGenerator } from './load-generator.ts';
import { NOTHING, STATUS_CODES, joinReservationId, type RequestLog } from '../protocol/request-log.ts';
import { userIdFor } from '../protocol/user-ids.ts';

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of undo.splice(0)) await close();
});

async function serve(...args: Parameters<typeof startServer>) {
  const server = await startServer(...args);
  undo.push(() => server.close());
  return server;
}

async function serveTcp(...args: Parameters<typeof startTcpServer>) {
  const server = await startTcpServer(...args);
  undo.push(() => server.close());
  return server;
}

interface Attack {
  readonly result: ResultMessage;
  readonly log: RequestLog;
  readonly intervals: readonly IntervalMessage[];
}

async function attack(targets: string[], job: Partial<GeneratorJob>): Promise<Attack> {
  const intervals: IntervalMessage[] = [];
  const generator = new LoadGenerator({
    job: {
      ...attackSettingsSchema.parse({ profile: 'burst' }),
      saleId: 'sale-1',
      targets,
      seed: 7,
      totalRequests: 500,
      processIndex: 0,
      processes: 1,
      connections: 20,
      timeoutMs: 5_000,
      ...job,
    },
    startMs: performance.now(),
    onInterval: (interval) => intervals.push(interval),
  });
  const result = await generator.run();
  return { result, log: generator.log, intervals };
}

const counts = ({ result: { sent, accepted, rejected, unknown } }: Attack) => ({
  sent,
  accepted,
  rejected,
  unknown,
});

const countOf = (log: RequestLog, status: keyof typeof STATUS_CODES) =>
  log.columns.status.filter((code) => code === STATUS_CODES[status]).length;

const reservationOf = (log: RequestLog, row: number) => {
  const prefix = log.columns.prefix[row] ?? NOTHING;
  return prefix === NOTHING
    ? undefined
    : joinReservationId(log.prefixes.get(prefix), log.columns.place[row] ?? 0);
};

/** Whatever happened, the views of it must agree, and no buyer may have come twice. */
function expectSound(run: Attack, seen: readonly { readonly userId: string }[], seed = 7): void {
  const totals = counts(run);
  expect(totals.sent).toBe(totals.accepted + totals.rejected + totals.unknown);
  for (const key of ['sent', 'accepted', 'rejected', 'unknown'] as const)
    expect(run.intervals.reduce((sum, one) => sum + one[key], 0)).toBe(totals[key]);
  // Every event is in one step, and each interval's steps begin where the last ones ended.
  expect(run.intervals.flatMap(({ steps }) => [...steps.counts]).reduce((sum, one) => sum + one, 0)).toBe(
    2 * totals.sent,
  );
  run.intervals.slice(1).forEach(({ steps }, at) => {
    const before = run.intervals[at]?.steps ?? steps;
    expect(steps.fromMs).toBe(before.fromMs + (before.counts.length / 4) * before.lengthMs);
  });
  for (const key of ['accepted', 'rejected', 'unknown'] as const)
    expect(countOf(run.log, key)).toBe(totals[key]);
  expect(run.intervals.filter((one) => one.isLast)).toHaveLength(1);
  expect(run.intervals.at(-1)?.isLast).toBe(true);
  expect(new Set(seen.map((one) => one.userId)).size).toBe(seen.length);
  const expected = new Set(Array.from({ length: totals.sent }, (_, index) => userIdFor(seed, index)));
  for (const { userId } of seen) expect(expected.has(userId)).toBe(true);
}

describe('a burst', () => {
  it('sends every request exactly once, whatever the number of connections', async () => {
    for (const [totalRequests, connections] of [
      [1, 1],
      [7, 50],
      [1_000, 3],
      [1_001, 100],
    ] as const) {
      const server = await serve((request, response) => acknowledge(response, request));
      const run = await attack([server.url], { totalRequests, connections });
      expect(counts(run)).toEqual({
        sent: totalRequests,
        accepted: totalRequests,
        rejected: 0,
        unknown: 0,
      });
      expect(server.seen).toHaveLength(totalRequests);
      expect(server.sockets).toBe(Math.min(connections, totalRequests));
      expectSound(run, server.seen);
    }
  });

  it('notes for each buyer the reservation id that the gateway gave to this very buyer', async () => {
    const given = new Map<string, string>();
    const server = await serve((request, response) => {
      const reservationId = `${request.saleId}.gw0001-${(request.number >> 3).toString(36)}.${request.number & 7}`;
      given.set(request.userId, reservationId);
      // Answers overtake one another.
      setTimeout(
        () => {
          response.writeHead(202, { 'content-type': 'application/json' });
          response.end(JSON.stringify({ reservationId, status: 'queued' }));
        },
        (request.number % 7) * 3,
      );
    });
    const run = await attack([server.url], { totalRequests: 300, connections: 30 });
    for (let row = 0; row < 300; row++)
      expect(reservationOf(run.log, row)).toBe(given.get(userIdFor(7, row)));
    expectSound(run, server.seen);
  });

  it('counts rejections by status, with the careful parser as with the quick one', async () => {
    const server = await serve((request, response) => {
      switch (request.number % 5) {
        case 0:
          return acknowledge(response, request);
        case 1: // Chunked, in two pieces.
          response.writeHead(409, { 'content-type': 'application/problem+json' });
          response.write('{"title":');
          return void setImmediate(() => response.end('"sold out"}'));
        case 2:
          response.writeHead(503, { 'retry-after': '1', 'content-length': '2' });
          return void response.end('{}');
        case 3: // A chunked acknowledgement.
          response.writeHead(202);
          response.write(`{"reservationId":"${request.saleId}.gw0001-zz.`);
          return void setImmediate(() => response.end(`${request.number}","status":"queued"}`));
        default:
          response.writeHead(204);
          return void response.end();
      }
    });
    const run = await attack([server.url], { totalRequests: 500, connections: 10 });
    expect(run.result.statusCounts).toEqual({ '202': 200, '204': 100, '409': 100, '503': 100 });
    expect(counts(run)).toEqual({ sent: 500, accepted: 200, rejected: 200, unknown: 100 });
    expect(run.result.causes).toEqual({ '204': 100, '409': 100, '503': 100 });
    expect(Array.from({ length: 500 }, (_, row) => reservationOf(run.log, row)).filter(Boolean)).toHaveLength(
      200,
    );
    expectSound(run, server.seen);
  });

  it('spreads its connections over the gateways', async () => {
    const servers = await Promise.all(
      [1, 2, 3].map(() => serve((request, response) => acknowledge(response, request))),
    );
    const run = await attack(
      servers.map((server) => server.url),
      { totalRequests: 600, connections: 10 },
    );
    expect(servers.map((server) => server.sockets)).toEqual([4, 3, 3]);
    expectSound(
      run,
      servers.flatMap((server) => server.seen),
    );
  });

  it('sends exactly 9,999 requests over 149 connections from 2 processes, also through a gateway that is killed in the middle', async () => {
    const server = await serve((request, response, { socket }) => {
      // Dead for a while: each connection is lost, with the request on it.
      if (request.number >= 4_000 && request.number < 4_300) return void socket.resetAndDestroy();
      acknowledge(response, request);
    });
    const job = { totalRequests: 9_999, processes: 2 };
    const shares = await Promise.all(
      [75, 74].map((connections, processIndex) =>
        attack([server.url], { ...job, processIndex, connections }),
      ),
    );
    const total = (key: keyof ReturnType<typeof counts>) =>
      shares.reduce((sum, share) => sum + counts(share)[key], 0);
    expect([total('sent'), total('accepted'), total('unknown')]).toEqual([9_999, 9_699, 300]);
    for (const share of shares) {
      const { sent, accepted, rejected, unknown } = counts(share);
      expect(sent).toBe(accepted + rejected + unknown);
    }
    expect(new Set(server.seen.map(({ userId }) => userId)).size).toBe(9_999);
  });

  it('carries only its own share when it is one of several processes', async () => {
    const server = await serve((request, response) => acknowledge(response, request));
    const shares = await Promise.all(
      [0, 1, 2].map((processIndex) =>
        attack([server.url], { totalRequests: 100, processIndex, processes: 3 }),
      ),
    );
    expect(shares.map((share) => share.result.sent)).toEqual([34, 33, 33]);
    expect(server.seen.map((one) => one.userId).sort()).toEqual(
      Array.from({ length: 100 }, (_, index) => userIdFor(7, index)).sort(),
    );
  });
});

describe('a connection that breaks', () => {
  it('leaves its request unknown, once, and the connection takes the next one', async () => {
    const server = await serve((request, response, raw) => {
      if (request.number % 10 === 3) raw.socket.resetAndDestroy();
      else if (request.number % 10 === 6) raw.socket.end();
      else if (request.number % 10 === 8) {
        response.writeHead(202, { 'content-length': '70' });
        response.write('{"reservationId":"sale-1.gw0001-1.1"');
        setImmediate(() => raw.socket.destroy());
      } else acknowledge(response, request);
    });
    const run = await attack([server.url], { totalRequests: 500, connections: 20 });
    expect(server.seen).toHaveLength(500);
    expect(counts(run)).toEqual({ sent: 500, accepted: 350, rejected: 0, unknown: 150 });
    expectSound(run, server.seen);
  });

  it('is opened anew after a reply that says close, without a request being lost', async () => {
    const server = await serve((request, response) => {
      if (request.number % 2 === 0) response.setHeader('connection', 'close');
      acknowledge(response, request);
    });
    const run = await attack([server.url], { totalRequests: 200, connections: 5 });
    expect(counts(run)).toEqual({ sent: 200, accepted: 200, rejected: 0, unknown: 0 });
    expect(server.sockets).toBeGreaterThan(90);
    expectSound(run, server.seen);
  });

  it('may carry a reply that ends only with it', async () => {
    const server = await serveTcp((socket) => {
      socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\nover capacity');
    });
    const run = await attack([server.url], { totalRequests: 50, connections: 5 });
    expect(counts(run)).toEqual({ sent: 50, accepted: 0, rejected: 0, unknown: 50 });
    expect(run.result.statusCounts).toEqual({ '503': 50 });
    expectSound(run, []);
  });

  it('counts a reply that is not HTTP as no answer', async () => {
    const server = await serveTcp((socket, number) => {
      socket.write(
        number % 2 === 0 ? 'SSH-2.0-nonsense\r\n' : 'HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n',
      );
    });
    const run = await attack([server.url], { totalRequests: 40, connections: 4 });
    expect(counts(run)).toEqual({ sent: 40, accepted: 0, rejected: 20, unknown: 20 });
    expectSound(run, []);
  });

  it('does not take an interim reply, or one that nobody asked for, for an answer', async () => {
    const server = await serveTcp((socket) => {
      socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
      setTimeout(() => socket.write('HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n'), 5);
    });
    const run = await attack([server.url], { totalRequests: 40, connections: 4 });
    expect(counts(run)).toEqual({ sent: 40, accepted: 0, rejected: 40, unknown: 0 });
    expect(run.result.statusCounts).toEqual({ '409': 40 });
  });

  it('ends the attack when nobody takes connections, each request unknown', async () => {
    const server = await startServer((request, response) => acknowledge(response, request));
    await server.close();
    const run = await attack([server.url], { totalRequests: 60, connections: 20 });
    expect(counts(run)).toEqual({ sent: 60, accepted: 0, rejected: 0, unknown: 60 });
    expectSound(run, []);
  });
});

describe('a connection that this machine can’t open', () => {
  const nowhere = 'http://127.0.0.1:9';
  const connect = Reflect.get(Socket.prototype, 'connect') as (...args: unknown[]) => Socket;

  /** As if no local port were left for one server: no test may take them all from this machine. */
  beforeEach(() => {
    vi.spyOn(Socket.prototype, 'connect').mockImplementation(function (this: Socket, ...args: unknown[]) {
      if (!/"port":"?9"?\b/.test(JSON.stringify(args))) return connect.apply(this, args);
      const error = Object.assign(new Error('connect EADDRNOTAVAIL'), { code: 'EADDRNOTAVAIL' });
      return this.destroy(error);
    });
  });
  afterEach(() => void vi.restoreAllMocks());

  it('costs one request, and the others carry its share', async () => {
    const server = await serve((request, response) => acknowledge(response, request));
    const run = await attack([server.url, nowhere], { totalRequests: 400, connections: 20 });
    expect(counts(run)).toEqual({ sent: 400, accepted: 390, rejected: 0, unknown: 10 });
    expect(run.result.causes).toEqual({ EADDRNOTAVAIL: 10 });
    expectSound(run, server.seen);
  });

  it('ends the attack when there is no other', async () => {
    await expect(attack([nowhere], { totalRequests: 400, connections: 20 })).rejects.toThrow(
      /could not open its connections/,
    );
  });
});

describe('a request without an answer', () => {
  it('is unknown after the time-out, and a late answer is nobody else’s', async () => {
    const answered: string[] = [];
    const server = await serve((request, response) => {
      if (request.number % 4 !== 0) {
        answered.push(request.userId);
        return acknowledge(response, request);
      }
      // Late, and under a status that no timely answer has.
      setTimeout(() => {
        if (response.destroyed) return;
        response.writeHead(410);
        response.end();
      }, 260);
    });
    const run = await attack([server.url], { totalRequests: 40, connections: 10, timeoutMs: 200 });
    expect(counts(run)).toEqual({ sent: 40, accepted: 30, rejected: 0, unknown: 10 });
    const accepted = Array.from({ length: 40 }, (_, row) => row)
      .filter((row) => run.log.columns.status[row] === STATUS_CODES.accepted)
      .map((row) => userIdFor(7, row));
    expect(accepted.sort()).toEqual(answered.sort());
    expectSound(run, server.seen);
  });

  it('is unknown when a 503 leaves open whether it was published, and rejected when it was not', async () => {
    const kinds = ['unconfirmed', 'broker-away', 'overloaded', 'stopping'];
    const server = await serve((request, response) => {
      const kind = kinds[request.number % kinds.length] ?? '';
      const reservationId = `sale-1.gw0001-1.${request.number}`;
      response.writeHead(503, { 'content-type': 'application/problem+json' });
      response.end(
        JSON.stringify({
          type: `urn:flashgrid:problem:${kind}`,
          ...(kind === 'unconfirmed' ? { reservationId } : {}),
        }),
      );
    });
    const run = await attack([server.url], { totalRequests: 80, connections: 8 });
    expect(counts(run)).toEqual({ sent: 80, accepted: 0, rejected: 60, unknown: 20 });
    expect(run.result.causes).toEqual(Object.fromEntries(kinds.map((kind) => [`503 ${kind}`, 20])));
    for (let row = 0; row < 80; row++)
      expect(reservationOf(run.log, row) !== undefined).toBe(
        run.log.columns.status[row] === STATUS_CODES.unknown,
      );
    expectSound(run, server.seen);
  });

  it('ends the attack when nobody answers for 10 s, or a time-out; the rest is not sent', async () => {
    const server = await serve(() => undefined);
    const startedMs = performance.now();
    const run = await attack([server.url], { totalRequests: 1_000, connections: 5, timeoutMs: 500 });
    const tookMs = performance.now() - startedMs;
    expect(tookMs).toBeGreaterThan(9_900);
    expect(tookMs).toBeLessThan(13_000);
    expect(run.result.gaveUp).toMatchObject({ cause: 'timeout', unsent: 1_000 - run.result.sent });
    expect(run.result).toMatchObject({ asked: 1_000, unknown: run.result.sent });
    expect(run.result.causes).toEqual({ timeout: run.result.sent });
    expectSound(run, server.seen);
  }, 20_000);

  it('does not give up a gateway that answers some', async () => {
    const server = await serve((request, response) => {
      if (request.number % 30 === 0) acknowledge(response, request);
    });
    const run = await attack([server.url], { totalRequests: 900, connections: 10, timeoutMs: 150 });
    expect(run.result.gaveUp).toBeUndefined();
    expect(counts(run)).toEqual({ sent: 900, accepted: 30, rejected: 0, unknown: 870 });
  }, 20_000);

  it('does not hold the attack up for longer than its time-out', async () => {
    const server = await serve(() => undefined);
    const startedMs = performance.now();
    const run = await attack([server.url], { totalRequests: 30, connections: 30, timeoutMs: 150 });
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    expect(counts(run)).toEqual({ sent: 30, accepted: 0, rejected: 0, unknown: 30 });
    expect(run.result.latencies).toEqual([]);
  });
});

const steady = (perSec: number, lengthMs: number) => [{ fromPerSec: perSec, toPerSec: perSec, lengthMs }];

describe('a rate over time', () => {
  it('sends each request of a ramp, a pause and a step at its time', async () => {
    const server = await serve((request, response) => acknowledge(response, request));
    const pace = parseStages('0..400@500ms, 0@200ms, 300@200ms');
    const run = await attack([server.url], { totalRequests: paceOf(pace).total, connections: 20, pace });
    expect(counts(run)).toEqual({ sent: 160, accepted: 160, rejected: 0, unknown: 0 });
    const sentMs = [...run.log.columns.sentUs].map((us) => us / 1_000);
    sentMs.forEach((ms, index) => expect(ms).toBeGreaterThanOrEqual(paceOf(pace).dueMs(index) - 0.001));
    // The 100 of the ramp leave before the pause is over.
    expect(sentMs[99]).toBeLessThan(sentMs[100] ?? 0);
    expect(sentMs[100]).toBeGreaterThanOrEqual(700);
    expectSound(run, server.seen);
  });
});

describe('a sustained rate', () => {
  it('sends each request at its time, and no faster', async () => {
    const server = await serve((request, response) => acknowledge(response, request));
    const run = await attack([server.url], { totalRequests: 400, connections: 20, pace: steady(400, 1_000) });
    expect(counts(run)).toEqual({ sent: 400, accepted: 400, rejected: 0, unknown: 0 });
    run.log.columns.sentUs.forEach((sentUs, row) => expect(sentUs).toBeGreaterThanOrEqual(row * 2_500));
    expect(run.result.endMs).toBeGreaterThanOrEqual(997.5);
    expect(server.sockets).toBe(20);
    expectSound(run, server.seen);
  });

  it('counts latency from the intended time, so that a stall of the server shows in the p99', async () => {
    let stalledUntilMs = 0;
    const server = await serve((request, response) => {
      // All requests of a while wait for half a second; with two connections, later ones can't even be sent.
      if (request.number === 200) stalledUntilMs = performance.now() + 500;
      const waitMs = stalledUntilMs - performance.now();
      if (waitMs > 0) setTimeout(() => acknowledge(response, request), waitMs);
      else acknowledge(response, request);
    });
    const run = await attack([server.url], {
      totalRequests: 1_000,
      connections: 2,
      pace: steady(500, 2_000),
    });
    const quantileMs = (from: 'intended' | 'sent', share: number) => {
      const latency = new LatencyHistogram();
      for (const one of run.result.latencies) if (one.from === from) latency.add(one.histogram);
      expect(latency.count).toBe(1_000);
      return latency.quantileMs(share);
    };
    expect(quantileMs('intended', 0.99)).toBeGreaterThan(400);
    expect(quantileMs('intended', 0.5)).toBeLessThan(200);
    // Counted from the sending, few answers in a thousand were slow: the stall is only in the slowest.
    expect(quantileMs('sent', 0.9)).toBeLessThan(200);
    expect(quantileMs('sent', 1)).toBeGreaterThan(400);
    expect(run.result.lateForConnections).toBeGreaterThan(100);
    expectSound(run, server.seen);
  });

  it('is over a time-out after its end, whatever the gateway does', async () => {
    // One answer now and then, so that it is never given up.
    const server = await serve((request, response) => {
      if (request.number % 4 === 0) setTimeout(() => acknowledge(response, request), 100);
    });
    const startedMs = performance.now();
    const run = await attack([server.url], {
      totalRequests: 1_000,
      connections: 2,
      pace: steady(1_000, 1_000),
      timeoutMs: 400,
    });
    expect(performance.now() - startedMs).toBeLessThan(1_000 + 2 * 400 + 1_000);
    expect(run.result.sent).toBeLessThan(1_000);
    expect(run.result.asked).toBe(1_000);
    expectSound(run, server.seen);
  });

  it('leaves waiting connections alone: a time-out shorter than the pause breaks none', async () => {
    const server = await serve((request, response) => acknowledge(response, request));
    const run = await attack([server.url], {
      totalRequests: 8,
      connections: 8,
      pace: steady(16, 500),
      timeoutMs: 100,
    });
    expect(counts(run)).toEqual({ sent: 8, accepted: 8, rejected: 0, unknown: 0 });
    expect(server.sockets).toBe(8);
  });

  it('opens a connection anew that the server closed while it waited', async () => {
    const server = await serve((request, response, raw) => {
      acknowledge(response, request);
      setTimeout(() => raw.socket.end(), 20);
    });
    const run = await attack([server.url], { totalRequests: 12, connections: 2, pace: steady(20, 600) });
    expect(counts(run)).toEqual({ sent: 12, accepted: 12, rejected: 0, unknown: 0 });
    // On a busy machine two requests may be due before the server gets to close; one connection then serves
    // both.
    expect(server.sockets).toBeGreaterThan(2);
    expect(server.sockets).toBeLessThanOrEqual(12);
  });
});

describe('behaviours', () => {
  it('sends double clicks and bots as the ledger has them, with the exact total', async () => {
    const server = await serve((request, response) => acknowledge(response, request));
    const behaviours = 'double-click:30% bot:2%';
    const run = await attack([server.url], { totalRequests: 1_500, behaviours });
    expect(counts(run)).toEqual({ sent: 1_500, accepted: 1_500, rejected: 0, unknown: 0 });
    const crowd = new Crowd(
      { ...attackSettingsSchema.parse({ profile: 'burst' }), seed: 7, behaviours },
      1_500,
    );
    const users = Array.from({ length: 1_500 }, (_, index) => userIdFor(7, crowd.buyer(index)));
    expect(server.seen.map(({ userId }) => userId).sort()).toEqual(users.sort());
    expect(new Set(users).size).toBeLessThan(1_200);
  });

  it('closes the connection of those who leave once the gateway has their request', async () => {
    const server = await serve((request, response) => acknowledge(response, request));
    const run = await attack([server.url], { totalRequests: 400, behaviours: 'leaves:25%' });
    const { causes, unknown } = run.result;
    expect(causes).toEqual({ left: unknown });
    expect(unknown).toBeGreaterThan(60);
    expect(unknown).toBeLessThan(140);
    await vi.waitFor(() => expect(server.seen).toHaveLength(400));
    expectSound(run, server.seen);
  });

  it('leaves the answers of slow readers unread, and out of the latencies', async () => {
    const server = await serve((request, response) => acknowledge(response, request));
    const startedMs = performance.now();
    const slow = { totalRequests: 100, connections: 100, timeoutMs: 1_000, behaviours: 'slow-reader:20%' };
    const run = await attack([server.url], slow);
    expect(counts(run)).toEqual({ sent: 100, accepted: 100, rejected: 0, unknown: 0 });
    expect(performance.now() - startedMs).toBeGreaterThan(500);
    const [latency] = run.result.latencies;
    const counted = new LatencyHistogram();
    if (latency) counted.add(latency.histogram);
    const answers = counted.count;
    expect(answers).toBeLessThan(95);
    const waitedMs = [...run.log.columns.answeredUs].map(
      (us, row) => (us - (run.log.columns.sentUs[row] ?? 0)) / 1_000,
    );
    expect(waitedMs.filter((ms) => ms >= 490)).toHaveLength(100 - answers);
    expectSound(run, server.seen);
  });
});

describe('cancelling', () => {
  it('ends a running attack at once with a clear failure', async () => {
    const server = await serve(() => undefined);
    const generator = new LoadGenerator({
      job: {
        ...attackSettingsSchema.parse({ profile: 'burst' }),
        saleId: 'sale-1',
        targets: [server.url],
        seed: 1,
        totalRequests: 1_000,
        processIndex: 0,
        processes: 1,
        connections: 10,
        timeoutMs: 60_000,
      },
      startMs: performance.now(),
      onInterval: () => undefined,
    });
    const run = generator.run();
    setTimeout(() => generator.cancel(), 50);
    await expect(run).rejects.toMatchObject({ failure: { code: 'attack.cancelled' } });
  });
});
