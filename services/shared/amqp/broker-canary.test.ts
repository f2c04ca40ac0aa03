import { EventEmitter } from 'node:events';
import type { ChannelModel } from 'amqplib';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { BackendTrouble } from '../backend-trouble.ts';
import { BrokerCanary } from './broker-canary.ts';

/** A broker whose disk and whose life are apart, which no real one lets a test have. */
class Broker extends EventEmitter {
  isStoring = true;
  isAlive = true;
  isBlocked = false;
  readonly #owed: (() => void)[] = [];

  assertQueue(): Promise<void> {
    return Promise.resolve();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
  prefetch(): Promise<void> {
    return new Promise((resolve) => this.#answer(() => this.isAlive, resolve));
  }
  publish(_exchange: string, _queue: string, _body: Buffer, _options: object, done: () => void): void {
    this.#answer(() => this.isAlive && this.isStoring, done);
  }
  wake(): void {
    this.isAlive = true;
    this.isStoring = true;
    for (const answer of this.#owed.splice(0)) answer();
  }
  #answer(can: () => boolean, answer: () => void): void {
    if (can()) setTimeout(answer, 5);
    else this.#owed.push(answer);
  }
}

let broker: Broker;
let canary: BrokerCanary;
let finding: BackendTrouble | undefined;

beforeEach(async () => {
  vi.useFakeTimers();
  vi.spyOn(performance, 'now').mockImplementation(() => Date.now());
  broker = new Broker();
  finding = undefined;
  canary = await BrokerCanary.open({
    connection: {
      createConfirmChannel: () => Promise.resolve(broker),
      createChannel: () => Promise.resolve(new Broker()),
    } as unknown as ChannelModel,
    queue: 'health',
    proofs: () => 0,
    isWaiting: () => !broker.isStoring,
    isBlocked: () => broker.isBlocked,
    onFinding: (trouble) => (finding = trouble),
  });
  await vi.advanceTimersByTimeAsync(500);
});
afterEach(() => {
  canary.close();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

it('finds a broker silent within 800 ms when it answers nothing, and well as soon as it answers', async () => {
  broker.isAlive = broker.isStoring = false;
  await vi.advanceTimersByTimeAsync(450);
  expect(finding).toBeUndefined();
  await vi.advanceTimersByTimeAsync(350);
  expect(finding).toEqual({ state: 'silent', reason: 'no answer in time' });
  await vi.advanceTimersByTimeAsync(300);
  broker.wake();
  await vi.advanceTimersByTimeAsync(100);
  expect(finding).toBeUndefined();
});

it('gives a broker that lives and is only slow to store 2 s', async () => {
  broker.isStoring = false;
  await vi.advanceTimersByTimeAsync(1_800);
  expect(finding).toBeUndefined();
  await vi.advanceTimersByTimeAsync(500);
  expect(finding).toEqual({ state: 'silent', reason: 'it confirms no message' });
});

it('does not take a broker for silent that blocks us', async () => {
  broker.isAlive = broker.isStoring = false;
  broker.isBlocked = true;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(finding).toBeUndefined();
});

it('does not count the time for which this process itself stood still', async () => {
  broker.isAlive = broker.isStoring = false;
  await vi.advanceTimersByTimeAsync(200);
  for (let pause = 0; pause < 5; pause++) {
    vi.setSystemTime(Date.now() + 3_000);
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(finding).toBeUndefined();
});
