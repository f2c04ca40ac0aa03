/**
 * Socket.IO behind a load balancer without sticky sessions. One gateway has a session, but the balancer may
 * send the next request of a polling client to another (the default client polls at first). So a session's id
 * begins with the id of its gateway, each gateway announces its address in Redis, and the others pass
 * requests on to the owner of the session.
 */
import { randomBytes } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { pipeline } from 'node:stream';

/** ms between two announcements of a gateway's address, and ms for which one is valid. */
const ADDRESS_REFRESH_MS = 10_000;
export const ADDRESS_TTL_MS = 3 * ADDRESS_REFRESH_MS;
/** ms for which an address, or its absence, is cached. */
const REMEMBER_MS = 2_000;
const MAX_REMEMBERED = 1_000;
/**
 * ms of silence after which a passed connection is closed. Socket.IO's ping and its answer take 45 s at most.
 */
const SILENT_LIMIT_MS = 50_000;
/** Marks a request that was passed on, so that it is not passed on again. */
const PASSED_HEADER = 'x-flashgrid-passed';
const SESSION = /[?&]sid=([a-z0-9]{8})-[A-Za-z0-9_-]{20}(?:&|$)/;
/** engine.io's answer to an unknown session. The client then opens a new one. */
const UNKNOWN_SESSION = '{"code":1,"message":"Session ID unknown"}';
/** Header fields that are not passed on (RFC 9110, 7.6.1). */
const HOP_FIELDS = ['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'expect'];

export interface LivePeersOptions {
  readonly gatewayId: string;
  /** Requests that may be passed on at once. */
  readonly maxPassed: number;
  /** Stores this gateway's address for ADDRESS_TTL_MS; `undefined` removes it. */
  readonly saveAddress: (address: string | undefined) => Promise<unknown>;
  /** `host:port` of a gateway; null when unknown. */
  readonly findAddress: (gatewayId: string) => Promise<string | null>;
  readonly onError: (what: string, error: unknown) => void;
}

export class LivePeers {
  readonly #options: LivePeersOptions;
  readonly #agent = new Agent({ keepAlive: true, timeout: SILENT_LIMIT_MS });
  readonly #known = new Map<string, { readonly address: Promise<string | null>; readonly untilMs: number }>();
  readonly #tunnels = new Set<Socket>();
  #passed = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LivePeersOptions) {
    this.#options = options;
  }

  /** Id for a new session. */
  sessionId(): string {
    return `${this.#options.gatewayId}-${randomBytes(15).toString('base64url')}`;
  }

  /** The gateway to which a request must be passed; `undefined` when this one serves it. */
  ownerOf({ url = '', headers }: IncomingMessage): string | undefined {
    const owner = SESSION.exec(url)?.[1];
    return owner === this.#options.gatewayId || headers[PASSED_HEADER] !== undefined ? undefined : owner;
  }

  /** Announces this gateway's address to the others until `close`. */
  announce(host: string, port: number): void {
    const address = `${reachableHost(host)}:${port}`;
    const announce = (): void =>
      void this.#options
        .saveAddress(address)
        .catch((error: unknown) => this.#options.onError("announcing this gateway's address", error));
    announce();
    this.#timer = setInterval(announce, ADDRESS_REFRESH_MS);
  }

  /** Passes a polling request on. */
  async pass(owner: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fail = (): void => {
      if (response.headersSent) response.destroy();
      else response.writeHead(400, { 'content-type': 'application/json' }).end(UNKNOWN_SESSION);
    };
    const address = await this.#find(owner);
    if (address === null || this.#passed >= this.#options.maxPassed || response.destroyed) return fail();
    this.#passed++;
    const outgoing = httpRequest({
      agent: this.#agent,
      ...splitAddress(address),
      method: request.method,
      path: request.url,
      headers: { ...endToEnd(request.headers), [PASSED_HEADER]: '1' },
    });
    outgoing.setTimeout(SILENT_LIMIT_MS, () => outgoing.destroy());
    outgoing.on('response', (incoming) => {
      response.writeHead(incoming.statusCode ?? 502, endToEnd(incoming.headers));
      pipeline(incoming, response, () => outgoing.destroy());
    });
    outgoing.on('error', fail);
    response.once('close', () => {
      this.#passed--;
      outgoing.destroy();
    });
    pipeline(request, outgoing, () => undefined);
  }

  /** Passes a WebSocket's upgrade and everything after it on. */
  async tunnel(owner: string, request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const address = await this.#find(owner);
    if (address === null || this.#tunnels.size >= this.#options.maxPassed || socket.destroyed) {
      socket.destroy();
      return;
    }
    const peer = connect(splitAddress(address));
    for (const [each, other] of [
      [socket, peer],
      [peer, socket],
    ] as const) {
      this.#tunnels.add(each);
      each.setTimeout(SILENT_LIMIT_MS, () => each.destroy());
      each.on('error', () => each.destroy());
      each.once('close', () => {
        this.#tunnels.delete(each);
        other.destroy();
      });
    }
    let text = `${request.method} ${request.url} HTTP/1.1\r\n${PASSED_HEADER}: 1\r\n`;
    for (let at = 0; at + 1 < request.rawHeaders.length; at += 2)
      text += `${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}\r\n`;
    peer.write(`${text}\r\n`, 'latin1');
    peer.write(head);
    socket.pipe(peer).pipe(socket);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const socket of this.#tunnels) socket.destroy();
    this.#agent.destroy();
    if (this.#timer !== undefined) await this.#options.saveAddress(undefined).catch(() => undefined);
  }

  #find(owner: string): Promise<string | null> {
    const nowMs = performance.now();
    const known = this.#known.get(owner);
    if (known !== undefined && known.untilMs > nowMs) return known.address;
    if (this.#known.size >= MAX_REMEMBERED) this.#known.clear();
    const address = this.#options.findAddress(owner).catch((error: unknown) => {
      this.#options.onError(`looking up gateway ${owner}`, error);
      return null;
    });
    this.#known.set(owner, { address, untilMs: nowMs + REMEMBER_MS });
    return address;
  }
}

/** The socket of an upgrade has no error listener, and without one a reset connection ends the process. */
export function guardUpgrades(server: Server): void {
  server.prependListener('upgrade', (_request, socket) => socket.on('error', () => socket.destroy()));
}

/** A host under which other gateways reach one that listens on all addresses. */
function reachableHost(host: string): string {
  if (host !== '0.0.0.0' && host !== '::') return host;
  const own = Object.values(networkInterfaces()).flat();
  return own.find((each) => each?.family === 'IPv4' && !each.internal)?.address ?? '127.0.0.1';
}

function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}

function endToEnd(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_FIELDS.includes(name)));
}
