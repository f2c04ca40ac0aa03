/**
 * The one place that reaches into autocannon. It opens the sockets, reconnects and parses; which request goes
 * out when, and what became of it, is decided here, because autocannon can't do what an audit needs: every
 * request once, under its own buyer, at its own time. Its clients are hooked one by one, through
 * `setupClient`, before they connect.
 *
 * What is replaced on a client, and why:
 * - `_doRequest` (send the next one): requests come from one shared pool, on a schedule;
 * - `_connect`, when called again (the connection was lost): the request on it is unknown, and is never sent again;
 * - `pipelinedRequests` (what was answered): the lane keeps the one outstanding request itself;
 * - `timeoutTicker`: fires on waiting connections too, and reconnects them; the generator sweeps instead;
 * - `parser.execute`: whole replies are read by ReplyReader; the parser starts anew on a new connection, which
 *   autocannon forgets, so that half a reply would spoil the next.
 */
import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { SLOW_READ_MS } from '../../../contract/behaviours.ts';
import { FailureError } from '../../../contract/failure.ts';
import { ReplyReader } from './reply.ts';
import type { RequestBytes } from './request-template.ts';

/** What the parser tells of a reply's head. */
interface ReplyHead {
  readonly statusCode: number;
  readonly shouldKeepAlive: boolean;
  readonly headers: unknown;
}

interface Parser {
  execute(chunk: Buffer): unknown;
  finish(): unknown;
  reinitialize(type: string): unknown;
  readonly state: string;
  readonly line: string;
}

/** The parts of autocannon's client (version 9) that are relied on. */
export interface AutocannonClient extends EventEmitter {
  readonly opts: { readonly host: string; readonly path: string };
  readonly parser: Parser;
  readonly requestIterator: { recordBody: unknown };
  pipelinedRequests: unknown;
  conn: Socket;
  _connect(): void;
  _doRequest(): void;
  destroy(): void;
}

/** What the generator does about one connection. */
export interface LaneEvents {
  /** The connection may take a request: it was opened, or has had its answer. */
  onFree(lane: Lane): void;
  /** The outstanding request was answered. */
  onAnswer(lane: Lane, status: number, body: string): void;
  /** The request of a buyer who does not wait for the answer has left. */
  onWritten(lane: Lane): void;
  /** The connection is gone. With `error`, it failed; else the server closed it. */
  onLost(lane: Lane, error: NodeJS.ErrnoException | undefined): void;
}

const reader = new ReplyReader();
/** Longest body that is kept; an answer is two hundred bytes. */
const MAX_BODY_BYTES = 65_536;

/** One connection, for one request at a time. */
export class Lane {
  /** The outstanding request; -1 when there is none. */
  index = -1;
  /** ms since the start of the attack. */
  sentMs = 0;
  /** Waits in the schedule's queue or for its back-off, and takes no request meanwhile. */
  isWaiting = false;
  isFinished = false;
  /** Attempts in a row that ended without an answer, by a lost connection. */
  failures = 0;
  readonly #template: RequestBytes;
  readonly #client: AutocannonClient;
  readonly #events: LaneEvents;
  readonly #openClient: () => void;
  #buffer: Buffer;
  #isOpen = false;
  #isWritten = false;
  #hasConnected = false;
  #mustClose = false;
  #error: NodeJS.ErrnoException | undefined;
  #manner: 'leaves' | 'slow' | undefined;
  readonly #slowMs: number;
  #status = 0;
  #body: Buffer[] = [];
  #bodyBytes = 0;

  /** @param slowMs how long a slow reader leaves its answer unread */
  constructor(client: AutocannonClient, template: RequestBytes, events: LaneEvents, slowMs = SLOW_READ_MS) {
    this.#slowMs = slowMs;
    this.#client = client;
    this.#events = events;
    this.#template = template;
    this.#buffer = template.copy();
    this.#openClient = client._connect.bind(client);
    client._connect = () => this.#connectOrLose();
    client._doRequest = () => this.#proceed();
    client.pipelinedRequests = this.#pipeline();
    client.requestIterator.recordBody = () => undefined;
    client.on('connError', (error: NodeJS.ErrnoException) => (this.#error = error));
    replaceTicker(client);
    this.#hookParser();
  }

  /**
   * Sends a request, opening a connection first where there is none.
   * @param index of the request in this process
   * @param buyerIndex of the request in the whole attack
   * @param manner what the buyer does with the answer
   */
  send(index: number, buyerIndex: number, sentMs: number, manner?: 'leaves' | 'slow'): void {
    this.#manner = manner;
    this.#buffer = this.#template.fill(this.#buffer, buyerIndex);
    this.index = index;
    this.sentMs = sentMs;
    this.#isWritten = false;
    this.#status = 0;
    if (this.#isOpen) this.#proceed();
    else this.#open();
  }

  /** Gives the connection up; the next request opens a new one. A late answer can't reach us any more. */
  hangUp(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#mustClose = false;
    const { conn } = this.#client;
    conn.removeAllListeners('data').removeAllListeners('end').removeAllListeners('error');
    conn.on('error', () => undefined); // Of a connection that was given up: nothing depends on it.
    conn.destroy();
    // Its kernel write may still be under way; the next request must not change those bytes.
    this.#buffer = this.#template.copy();
  }

  /** Forgets a request that got no answer in time, with its connection. */
  expire(): void {
    this.hangUp();
    this.#startParserAnew();
    this.index = -1;
    this.#client.emit('timeout');
  }

  /** Ends autocannon's client for good. */
  finish(): void {
    if (this.isFinished) return;
    this.isFinished = true;
    // Not at once: autocannon only listens for `done` after the client was made.
    setImmediate(() => this.#client.destroy());
  }

  #open(): void {
    this.#isOpen = true;
    this.#openClient();
  }

  /**
   * In place of `_connect`: autocannon calls it first to connect, later because the connection failed or was
   * closed.
   */
  #connectOrLose(): void {
    if (!this.#hasConnected) {
      this.#hasConnected = true;
      return this.#open();
    }
    const error = this.#error;
    this.#error = undefined;
    this.hangUp();
    const { index } = this;
    // A reply without a length ends with its connection.
    if (!error && index >= 0) this.#client.parser.finish();
    this.#startParserAnew();
    if (this.index !== index || this.isFinished) return;
    this.#events.onLost(this, error);
  }

  /** In place of `_doRequest`: after a connection was opened, and after each reply. */
  #proceed(): void {
    if (this.isFinished) return;
    if (this.index < 0) {
      if (!this.isWaiting) this.#events.onFree(this);
    } else if (!this.#isWritten) {
      this.#isWritten = true;
      this.#client.emit('request');
      const { index } = this;
      const { conn } = this.#client;
      if (this.#manner === 'leaves')
        // The bytes are the kernel's by then: the gateway gets them, and then the end of the connection.
        conn.write(this.#buffer, (error) => {
          if (!error && this.index === index) this.#events.onWritten(this);
        });
      else conn.write(this.#buffer);
      if (this.#manner === 'slow') {
        conn.pause();
        setTimeout(() => conn.resume(), this.#slowMs);
      }
    }
  }

  #answer(status: number, body: string): void {
    if (this.#mustClose) this.hangUp();
    this.failures = 0;
    this.#events.onAnswer(this, status, body);
    this.index = -1;
  }

  /** In place of the queue of pipelined requests: gathers the reply that the parser reads. */
  #pipeline() {
    return {
      addByteCount: () => undefined,
      setHeaders: (head: ReplyHead) => {
        this.#status = head.statusCode;
        this.#mustClose = !head.shouldKeepAlive;
      },
      addBody: (part: Buffer) => {
        this.#bodyBytes += part.length;
        if (this.#bodyBytes <= MAX_BODY_BYTES) this.#body.push(part);
      },
      terminateRequest: () => {
        const status = this.#status;
        const body = Buffer.concat(this.#body).toString('latin1');
        this.#clearReply();
        // An interim reply (1xx), or one that nobody asked for, answers no request.
        if (status >= 200 && this.index >= 0 && this.#isWritten) this.#answer(status, body);
        return { headers: { statusCode: status, headers: [] }, bytes: 0, duration: 0, body: '' };
      },
      clear: () => this.#clearReply(),
    };
  }

  #clearReply(): void {
    this.#status = 0;
    if (this.#body.length > 0) this.#body = [];
    this.#bodyBytes = 0;
  }

  #startParserAnew(): void {
    this.#client.parser.reinitialize('RESPONSE');
    this.#clearReply();
  }

  #hookParser(): void {
    const client = this.#client;
    const { parser } = client;
    const parse = parser.execute.bind(parser);
    parser.execute = (chunk: Buffer) => {
      if (this.index >= 0 && this.#isWritten && parser.state === 'RESPONSE_LINE' && parser.line === '') {
        const text = chunk.toString('latin1');
        const whole = reader.read(text);
        if (whole) {
          this.#answer(whole.status, text.slice(whole.bodyAt));
          client.emit('response', whole.status, chunk.length, 0);
          this.#proceed();
          return chunk.length;
        }
      }
      const result = parse(chunk);
      // Not HTTP: autocannon would wait for ever.
      if (result instanceof Error && this.#isOpen) client.conn.destroy(result);
      return result;
    };
  }
}

/** Gives a client a ticker that never ticks, and stops the one that its constructor makes. */
function replaceTicker(client: AutocannonClient): void {
  const still = { clear: () => undefined, reschedule: () => undefined };
  Object.defineProperty(client, 'timeoutTicker', {
    get: () => still,
    set: (ticker: { clear(): void }) => {
      ticker.clear();
    },
  });
}

function isAutocannonClient(value: unknown): value is AutocannonClient {
  return (
    has(value, '_connect', 'function') &&
    has(value, '_doRequest', 'function') &&
    has(value, '_destroyConnection', 'function') &&
    has(value, 'destroy', 'function') &&
    has(value, 'emit', 'function') &&
    has(value, 'pipelinedRequests', 'object') &&
    has(value, 'requestIterator', 'object') &&
    has(value.requestIterator, 'recordBody', 'function') &&
    has(value, 'parser', 'object') &&
    has(value.parser, 'execute', 'function') &&
    has(value.parser, 'finish', 'function') &&
    has(value.parser, 'reinitialize', 'function') &&
    has(value.parser, 'state', 'string') &&
    has(value, 'opts', 'object') &&
    has(value.opts, 'host', 'string') &&
    has(value.opts, 'path', 'string')
  );
}

function has<Key extends string>(value: unknown, key: Key, type: string): value is Record<Key, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const descriptor: unknown = Reflect.get(value, key);
  return typeof descriptor === type && descriptor !== null;
}

/**
 * The client that `setupClient` was given, as what we rely on.
 * @throws FailureError `attack.autocannonChanged` when the installed version is built differently
 */
export function asAutocannonClient(value: unknown): AutocannonClient {
  if (isAutocannonClient(value)) return value;
  throw new FailureError({
    code: 'attack.autocannonChanged',
    message: 'The installed autocannon is not built like version 9, which the load generator hooks into.',
    fix: 'Install the version that package.json names: npm ci',
  });
}
