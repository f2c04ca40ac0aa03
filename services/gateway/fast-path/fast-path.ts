/**
 * The fast path: every connection of the gateway's HTTP server starts here. Plain reservations are read and
 * answered at a third of their cost in Node's HTTP server and Fastify (docs/speed.md). The first other
 * request hands the connection over to that server for good, with every byte that was read. One port, one
 * behaviour: a test compares the two.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { HostCheck } from '../../shared/host-check.ts';
import type { HandleReserve } from '../reserve-reply.ts';
import { ReplyHeads } from './reply-heads.ts';
import { HeadReader } from './request-head.ts';
import { ReserveConnection, type FastPathSide } from './reserve-connection.ts';

const TICK_MS = 1_000;
/** ms between two checks for new bytes while the gateway stops. */
const DRAIN_TICK_MS = 50;

export interface FastPathOptions {
  /** Not listening yet. Its own limits apply to connections that are handed over. */
  readonly server: Server;
  /** Seconds in which a request must be complete, and a new connection must send its first. */
  readonly requestLimitSec: number;
  /** Seconds for which an idle connection is kept. */
  readonly keepAliveSec: number;
  /** Which hosts are served here, by default all. The server rejects the others. */
  readonly isHostAllowed?: HostCheck | undefined;
  readonly handleReserve: HandleReserve;
}

export class FastPath implements FastPathSide {
  readonly heads: HeadReader;
  readonly replies: ReplyHeads;
  readonly handleReserve: HandleReserve;
  isClosing = false;
  nowSec = 0;
  /** Node's HTTP server's own listeners for a connection. */
  readonly #toHttp: readonly ((socket: Socket) => void)[];
  readonly #connections = new Set<ReserveConnection>();
  /** Connections of Node's server. */
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

  /** Connections on the fast path. */
  get size(): number {
    return this.#connections.size;
  }

  handOver(connection: ReserveConnection, socket: Socket): void {
    this.#connections.delete(connection);
    this.#handedOver.add(socket);
    socket.once('close', () => this.#handedOver.delete(socket));
    for (const listener of this.#toHttp) listener(socket);
    // It was paused, so that no byte is lost between the two.
    socket.resume();
  }

  release(connection: ReserveConnection): void {
    this.#connections.delete(connection);
  }

  /**
   * Ends connections without losing a request: each ends with its next answer, and an idle one stays open
   * because a request may be on its way. Resolves when no byte came for `quietMs`, when no connection is
   * left, or after `limitMs`.
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

  /** Closes idle connections. The others end with their answer. */
  close(): void {
    this.isClosing = true;
    clearInterval(this.#timer);
    for (const connection of this.#connections) connection.close();
  }

  /** Ends all connections now, also those of Node's server. */
  destroy(): void {
    for (const connection of this.#connections) connection.destroy();
    for (const socket of this.#handedOver) socket.destroy();
  }
}
