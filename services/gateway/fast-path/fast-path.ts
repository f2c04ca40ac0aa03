/**
 * The fast path: every connection of the gateway's HTTP server comes here first. Plain reservations are read and answered here, at a third of what they
 * cost through Node's HTTP server and Fastify (docs/speed.md); a connection on which anything else comes is given to that server,
 * with every byte that was read, and stays there. So there is one port, and one behaviour: a test holds the two against each other.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { HostCheck } from '../../shared/host-check.ts';
import type { ReserveReply } from '../reserve-reply.ts';
import { ReplyHeads } from './reply-heads.ts';
import { HeadReader } from './request-head.ts';
import { ReserveConnection, type FastPathSide } from './reserve-connection.ts';

const TICK_MS = 1_000;
/** ms between two looks whether anything comes while the gateway stops. */
const DRAIN_TICK_MS = 50;

export interface FastPathOptions {
  /** Not listening yet. Its own limits hold for what is handed over. */
  readonly server: Server;
  /** Seconds in which a request must have come whole, and a new connection must have asked. */
  readonly requestLimitSec: number;
  /** Seconds for which an idle connection is kept. */
  readonly keepAliveSec: number;
  /** Hosts that are served here; all are unless told. The server behind refuses the others. */
  readonly isHostAllowed?: HostCheck | undefined;
  /** Takes a reservation. */
  handleReserve(body: unknown, idempotencyKey: string | undefined, reply: ReserveReply): void;
}

export class FastPath implements FastPathSide {
  readonly heads: HeadReader;
  readonly replies: ReplyHeads;
  readonly handleReserve: FastPathOptions['handleReserve'];
  isClosing = false;
  nowSec = 0;
  /** What Node's HTTP server does with a connection. */
  readonly #toHttp: readonly ((socket: Socket) => void)[];
  readonly #connections = new Set<ReserveConnection>();
  /** Connections that Node's server has. */
  readonly #handedOver = new Set<Socket>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: FastPathOptions) {
    const { server, requestLimitSec, keepAliveSec } = options;
    this.handleReserve = options.handleReserve;
    this.heads = new HeadReader(options.isHostAllowed);
    this.replies = new ReplyHeads(keepAliveSec);
    this.#toHttp = server
      .listeners('connection')
      .map((listener) => (socket) => void Reflect.apply(listener, server, [socket]));
    server.removeAllListeners('connection');
    server.prependListener('request', (_request, response) => {
      if (this.isClosing) response.setHeader('connection', 'close');
    });
    server.on('connection', (socket) => this.#connections.add(new ReserveConnection(socket, this)));
    this.#timer = setInterval(() => {
      this.nowSec = Math.floor(performance.now() / 1_000);
      this.replies.refresh();
      for (const connection of this.#connections) connection.expire(requestLimitSec, keepAliveSec);
    }, TICK_MS);
    this.#timer.unref();
    this.nowSec = Math.floor(performance.now() / 1_000);
  }

  /** Connections that are here, and not with Node's server. */
  get size(): number {
    return this.#connections.size;
  }

  handOver(connection: ReserveConnection, socket: Socket): void {
    this.#connections.delete(connection);
    this.#handedOver.add(socket);
    socket.once('close', () => this.#handedOver.delete(socket));
    for (const listener of this.#toHttp) listener(socket);
    // Paused, so that no byte was lost between the two.
    socket.resume();
  }

  release(connection: ReserveConnection): void {
    this.#connections.delete(connection);
  }

  /**
   * Lets clients go without losing what they send: each connection ends with its next answer, and one that is idle stays open, because a
   * request may be on its way. Resolves when no byte has come for `quietMs`, when nobody is left, or after `limitMs`.
   */
  async drain(quietMs: number, limitMs: number): Promise<void> {
    this.isClosing = true;
    const startMs = performance.now();
    let quietSinceMs = startMs;
    let bytesBefore = -1;
    while (this.#connections.size + this.#handedOver.size > 0) {
      const nowMs = performance.now();
      let bytes = 0;
      for (const { bytesRead } of this.#connections) bytes += bytesRead;
      for (const { bytesRead } of this.#handedOver) bytes += bytesRead;
      if (bytes !== bytesBefore) quietSinceMs = nowMs;
      bytesBefore = bytes;
      if (nowMs - quietSinceMs >= quietMs || nowMs - startMs >= limitMs) return;
      await setTimeout(DRAIN_TICK_MS);
    }
  }

  /** Closes the connections that are owed nothing; the others end with their answer. */
  close(): void {
    this.isClosing = true;
    clearInterval(this.#timer);
    for (const connection of this.#connections) connection.close();
  }

  /** Ends all connections now, those of Node's server among them. */
  destroy(): void {
    for (const connection of this.#connections) connection.destroy();
    for (const socket of this.#handedOver) socket.destroy();
  }
}
