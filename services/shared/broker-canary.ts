/**
 * Publishes to a quorum queue of its own and waits for the confirm: what a reservation needs of RabbitMQ. A broker whose write-ahead log
 * has died accepts connections and channels and refuses, or never confirms, each message.
 *
 * It has a channel of its own: what goes wrong on it harms no frame.
 */
import type { ChannelModel, ConfirmChannel } from 'amqplib';
import { troubleOf, type BackendTrouble } from './backend-trouble.ts';

/** ms between two messages, while no real confirm proves the same. */
const INTERVAL_MS = 1_000;
/** ms without any confirm after which the broker counts as silent. Longer than a slow disk makes a sound broker wait in the rush. */
const SILENT_MS = 2_000;
const TICK_MS = 100;
/**
 * ms without any answer, also to a question that touches no disk and no queue, after which the broker counts as silent. With attacks on a
 * two-core machine at a load of 11, the answer came within 181 ms of time in which this process was not late itself (550 ms by the clock).
 */
const MUTE_MS = 500;
/** ms after which RabbitMQ removes a queue that nobody declared again; a broker of others keeps nothing of ours. */
const QUEUE_EXPIRES_MS = 10 * 60_000;
const DECLARE_INTERVAL_MS = 60_000;

const NO_CONFIRM: BackendTrouble = { state: 'silent', reason: 'it confirms no message' };
const MUTE: BackendTrouble = { state: 'silent', reason: 'no answer in time' };
export const REFUSES_MESSAGES = 'it stores no message: its quorum queues have failed or lost their leader';
const REFUSED: BackendTrouble = { state: 'refusing', reason: REFUSES_MESSAGES };

export interface BrokerCanaryOptions {
  readonly connection: ChannelModel;
  /** Name of its queue. */
  readonly queue: string;
  /** Grows with each confirm of real traffic. */
  readonly proofs: () => number;
  /** Whether real traffic waits for a confirm. */
  readonly isWaiting: () => boolean;
  /** While the broker blocks publishers, a message would only wait. */
  readonly isBlocked: () => boolean;
  /** Hears each finding, also when it is the same as before. */
  readonly onFinding: (trouble: BackendTrouble | undefined) => void;
}

export class BrokerCanary {
  readonly #options: BrokerCanaryOptions;
  readonly #channel: ConfirmChannel;
  readonly #timer: NodeJS.Timeout;
  #proofs = 0;
  /** ms of undisturbed waiting: turns in which this process itself was late don't count. */
  #waitedMs = 0;
  #tickedMs = performance.now();
  #sentMs = -Infinity;
  #declaredMs = performance.now();
  #isUnderWay = false;
  /** ms of undisturbed waiting for a sign of life since one was asked for; `undefined` while none is due. */
  #mutedMs: number | undefined;

  private constructor(options: BrokerCanaryOptions, channel: ConfirmChannel) {
    this.#options = options;
    this.#channel = channel;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
    this.#send(performance.now());
  }

  /** @throws when the channel or the queue can't be had */
  static async open(options: BrokerCanaryOptions): Promise<BrokerCanary> {
    const channel = await options.connection.createConfirmChannel();
    channel.on('error', () => undefined);
    await declare(channel, options.queue);
    const canary = new BrokerCanary(options, channel);
    channel.on('close', () => canary.close());
    // Its queue was deleted; the confirm that follows would say that all is well.
    channel.on('return', () => (canary.#declaredMs = -Infinity));
    return canary;
  }

  /** Sends one at once: something happened that it may explain. */
  hurry(): void {
    this.#sentMs = -Infinity;
    this.#mutedMs = undefined;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const { proofs, isWaiting, isBlocked, onFinding } = this.#options;
    const now = performance.now();
    const elapsedMs = now - this.#tickedMs;
    this.#tickedMs = now;
    if (proofs() > this.#proofs) {
      this.#proofs = proofs();
      this.#waitedMs = 0;
      this.#mutedMs = undefined;
      this.#sentMs = now;
      onFinding(undefined);
    } else if (!isBlocked() && (this.#isUnderWay || isWaiting())) {
      const undisturbedMs = elapsedMs < 2 * TICK_MS ? elapsedMs : 0;
      this.#waitedMs += undisturbedMs;
      if (this.#mutedMs === undefined) this.#ask();
      else this.#mutedMs += undisturbedMs;
      if (this.#waitedMs >= SILENT_MS) onFinding(NO_CONFIRM);
      else if ((this.#mutedMs ?? 0) >= MUTE_MS) onFinding(MUTE);
    } else {
      this.#waitedMs = 0;
      this.#mutedMs = undefined;
    }
    if (isBlocked()) return;
    if (!this.#isUnderWay && now - this.#sentMs >= INTERVAL_MS) this.#send(now);
  }

  /** Asks for what costs the broker nothing: one that is only slow to store answers, one that is frozen or unreachable does not. */
  #ask(): void {
    this.#mutedMs = 0;
    this.#channel.prefetch(0).then(
      () => (this.#mutedMs = undefined),
      () => undefined,
    );
  }

  #send(now: number): void {
    this.#sentMs = now;
    this.#isUnderWay = true;
    const settle = (trouble: BackendTrouble | undefined): void => {
      this.#isUnderWay = false;
      this.#waitedMs = 0;
      this.#mutedMs = undefined;
      // One that was read before the alarm is confirmed in spite of it.
      if (!this.#options.isBlocked()) this.#options.onFinding(trouble);
    };
    try {
      if (now - this.#declaredMs >= DECLARE_INTERVAL_MS) {
        this.#declaredMs = now;
        declare(this.#channel, this.#options.queue).catch((error: unknown) => settle(troubleOf(error)));
      }
      this.#channel.publish('', this.#options.queue, EMPTY, MESSAGE, (error: unknown) =>
        settle(error ? REFUSED : undefined),
      );
    } catch {
      // The channel has begun to close: the connection's own end tells why.
      this.close();
    }
  }
}

const EMPTY = Buffer.alloc(0);
const MESSAGE = { persistent: true, mandatory: true };

async function declare(channel: ConfirmChannel, queue: string): Promise<void> {
  await channel.assertQueue(queue, {
    durable: true,
    arguments: {
      'x-queue-type': 'quorum',
      // The newest message alone: nobody reads them.
      'x-max-length': 1,
      'x-expires': QUEUE_EXPIRES_MS,
    },
  });
}
