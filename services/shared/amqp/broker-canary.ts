/**
 * Finds out whether RabbitMQ stores messages: publishes to a small quorum queue and waits for the confirm. A
 * broker whose write-ahead log has died still accepts connections and channels, but nacks or never confirms
 * each message.
 *
 * It uses a channel of its own, so that an error on it harms no frame.
 */
import type { ChannelModel, ConfirmChannel } from 'amqplib';
import { troubleOf, type BackendTrouble } from '../backend-trouble.ts';
import { declareQueue } from './topology.ts';

/** ms between two messages, while no confirm of real traffic proves the same. */
const INTERVAL_MS = 1_000;
/**
 * ms without any confirm after which the broker counts as silent. A healthy broker on a slow disk needs less
 * under load.
 */
const SILENT_MS = 2_000;
const TICK_MS = 100;
/**
 * ms without any answer, even to a method that touches no disk and no queue, after which the broker counts as
 * silent. Measured during attacks on two cores at a load of 11: it answered within 181 ms, not counting turns
 * in which this process was late itself (550 ms with them).
 */
const MUTE_MS = 500;
/**
 * ms after which RabbitMQ removes the queue once no service declares it again, so that a shared broker stays
 * clean.
 */
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
  /** Members of that queue. */
  readonly groupSize?: number | undefined;
  /** Grows with each confirm of real traffic. */
  readonly proofs: () => number;
  /** Whether real traffic waits for a confirm. */
  readonly isWaiting: () => boolean;
  /** Nothing is published while the broker blocks publishers: it would only wait. */
  readonly isBlocked: () => boolean;
  /** Called with each finding, also when it is the same as before. */
  readonly onFinding: (trouble: BackendTrouble | undefined) => void;
}

export class BrokerCanary {
  readonly #options: BrokerCanaryOptions;
  readonly #channel: ConfirmChannel;
  readonly #timer: NodeJS.Timeout;
  #proofs = 0;
  /** ms waited. Turns in which this process itself was late don't count. */
  #waitedMs = 0;
  #tickedMs = performance.now();
  #sentMs = -Infinity;
  #declaredMs = performance.now();
  #isUnderWay = false;
  /** Whether its last message was nacked. */
  #isRefused = false;
  /** ms waited for the answer to `#ask`; `undefined` while none is due. */
  #mutedMs: number | undefined;

  /** Members that its queue was declared with. */
  #size: number | undefined;

  private constructor(options: BrokerCanaryOptions, channel: ConfirmChannel, size: number | undefined) {
    this.#options = options;
    this.#size = size;
    this.#channel = channel;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
    this.#send(performance.now());
  }

  /** @throws when the channel can't be opened or the queue can't be declared */
  static async open(options: BrokerCanaryOptions): Promise<BrokerCanary> {
    const channel = await options.connection.createConfirmChannel();
    channel.on('error', () => undefined);
    const size = await declare(options, options.groupSize);
    const canary = new BrokerCanary(options, channel, size);
    channel.on('close', () => canary.close());
    // Unroutable: its queue was deleted. The confirm that follows would wrongly count as a proof.
    channel.on('return', () => (canary.#declaredMs = -Infinity));
    return canary;
  }

  /** Whether the broker answers nothing on this connection, not even what touches no disk and no queue. */
  get isMute(): boolean {
    return (this.#mutedMs ?? 0) >= MUTE_MS;
  }

  /** Whether another connection could be better: on this one nothing is stored. */
  get isDoubtful(): boolean {
    return this.isMute || this.#isRefused || this.#waitedMs >= SILENT_MS;
  }

  /** Publishes at once: something happened that it may explain. */
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
      this.#isRefused = false;
      this.#sentMs = now;
      onFinding(undefined);
    } else if (!isBlocked() && (this.#isUnderWay || isWaiting())) {
      const undisturbedMs = elapsedMs < 2 * TICK_MS ? elapsedMs : 0;
      this.#waitedMs += undisturbedMs;
      if (this.#mutedMs === undefined) this.#ask();
      else this.#mutedMs += undisturbedMs;
      if (this.#waitedMs >= SILENT_MS) onFinding(NO_CONFIRM);
      else if (this.isMute) onFinding(MUTE);
    } else {
      this.#waitedMs = 0;
      this.#mutedMs = undefined;
    }
    if (isBlocked()) return;
    if (!this.#isUnderWay && now - this.#sentMs >= INTERVAL_MS) this.#send(now);
  }

  /**
   * Asks for something cheap. A broker that is only slow to store answers it; a frozen or unreachable one
   * does not.
   */
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
      this.#isRefused = trouble === REFUSED;
      this.#waitedMs = 0;
      this.#mutedMs = undefined;
      // The broker confirms what it read before the alarm: that is no proof that it is unblocked.
      if (!this.#options.isBlocked()) this.#options.onFinding(trouble);
    };
    try {
      if (now - this.#declaredMs >= DECLARE_INTERVAL_MS) {
        this.#declaredMs = now;
        declare(this.#options, this.#size).then(
          (size) => (this.#size = size),
          (error: unknown) => settle(troubleOf(error)),
        );
      }
      this.#channel.publish('', this.#options.queue, EMPTY, MESSAGE, (error: unknown) =>
        settle(error ? REFUSED : undefined),
      );
    } catch {
      // The channel has begun to close. The reason comes with the connection's `close` event.
      this.close();
    }
  }
}

const EMPTY = Buffer.alloc(0);
const MESSAGE = { persistent: true, mandatory: true };

function declare(
  { connection, queue }: BrokerCanaryOptions,
  size: number | undefined,
): Promise<number | undefined> {
  // Nobody reads its messages.
  return declareQueue(connection, queue, { 'x-max-length': 1, 'x-expires': QUEUE_EXPIRES_MS }, size);
}
