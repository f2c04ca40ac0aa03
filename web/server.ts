/**
 * The browser frontend: the renderer and the contract on loopback HTTP and WebSocket.
 *
 * Anyone on this machine, and any page in its browser, can reach a loopback port. So a random token opens a session
 * (then a cookie that scripts can't read and other sites can't send), the Host header must be ours (which stops DNS
 * rebinding), a WebSocket's Origin must be ours, and pages get a strict CSP. The terminal sends the token in a header,
 * without an Origin.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { isIPv6, type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Result } from '../contract/contract.ts';
import type { Caller } from '../control/command-handlers.ts';
import type { EventHub } from '../control/lib/event-hub.ts';
import { FailureError, type Failure } from '../contract/failure.ts';
import { loadAssets, type Asset } from './assets.ts';
import { PAGE_HEADERS } from './page-headers.ts';
import {
  MAX_REQUEST_BYTES,
  SOCKET_PATH,
  requestSchema,
  type EventMessage,
  type Reply,
} from '../contract/wire.ts';
import { watchPulse } from '../services/shared/pulse.ts';
import { parseJson } from '../services/shared/parse-json.ts';

/** Cookies ignore the port: without it in the name, two FlashGrids on one machine would end each other's session. */
const cookieName = (port: number) => `flashgrid_session_${port}`;
/** Bytes that may wait for a slow frontend before it is disconnected; it reconnects and takes a snapshot. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** Commands that one frontend may run at a time; a page runs a handful. */
const MAX_RUNNING = 256;
/** Connections at a time. A page needs a few; thousands would use up the file descriptors of this process. */
const MAX_CONNECTIONS = 512;
/** ms between two pings; a frontend that misses one is gone. */
const PING_MS = 30_000;

/** The part of a control centre that a remote frontend needs. */
export interface FrontendTarget {
  readonly hub: EventHub;
  dispatch(name: string, input: unknown, caller: Caller): Promise<Result<unknown>>;
  /** Logs an error that nothing foresaw; the process goes on. */
  noteSurprise(error: unknown): void;
}

export interface WebServerOptions {
  readonly centre: FrontendTarget;
  /** Folder of the built renderer. */
  readonly rendererDir: string;
  /** 127.0.0.1 unless asked otherwise. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
}

export interface WebServer {
  /** The address with the token; opens a session. */
  readonly url: string;
  /** The host for clients on this machine, as in a URL. */
  readonly host: string;
  readonly port: number;
  readonly token: string;
  close(): Promise<void>;
}

function isSame(given: string | undefined, wanted: string): boolean {
  if (given === undefined) return false;
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function cookieOf(request: IncomingMessage, cookie: string): string | undefined {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const [name, value] = part.trim().split('=');
    if (name === cookie) return value;
  }
  return undefined;
}

const inUrl = (address: string): string => (isIPv6(address) ? `[${address}]` : address);

/**
 * The hosts that a Host header may name: loopback, and the host that the user chose to listen on. For all addresses,
 * each address of this machine, but no name: an attacker could rebind a name.
 */
function hostNames(host: string): string[] {
  const isEverywhere = host === '0.0.0.0' || host === '::';
  const addresses = isEverywhere
    ? Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address))
    : [host];
  return ['127.0.0.1', 'localhost', '[::1]', ...addresses.map(inUrl)];
}

/**
 * Starts the server.
 * @throws FailureError `web.portTaken`, `web.noSuchHost` when the address can't be had
 */
export async function startWebServer(options: WebServerOptions): Promise<WebServer> {
  const { centre, host } = options;
  const onSurprise = (error: unknown) => centre.noteSurprise(error);
  const token = randomBytes(24).toString('base64url');
  const session = randomBytes(24).toString('base64url');
  const assets = await loadAssets(options.rendererDir);
  let port = options.port;
  /** The address in the form that browsers use too: `--host 0::1` becomes `::1`. */
  let address = host;

  const isOurHost = (name: string | undefined) =>
    name !== undefined &&
    [...hostNames(host), inUrl(address)].some((own) => name.toLowerCase() === `${own}:${port}`);
  const hasToken = (request: IncomingMessage) => isSame(request.headers.authorization, `Bearer ${token}`);

  const server = createServer((request, response) => {
    try {
      answerRequest(request, response);
    } catch (error) {
      onSurprise(error);
      if (response.headersSent) response.destroy();
      else sendError(response, 400, 'This request can’t be answered.');
    }
  });
  function answerRequest(request: IncomingMessage, response: ServerResponse): void {
    if (!isOurHost(request.headers.host))
      return sendError(response, 421, 'This address does not belong to FlashGrid.');
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return sendError(response, 405, 'Only GET is served here.');
    // Not `new URL`: it throws on paths such as `//`, which any web page can request.
    const [path = '/', query] = (request.url ?? '/').split('?', 2);
    if (isSame(new URLSearchParams(query).get('token') ?? undefined, token)) {
      response.writeHead(303, {
        ...PAGE_HEADERS,
        'set-cookie': `${cookieName(port)}=${session}; HttpOnly; SameSite=Strict; Path=/`,
        location: '/',
        'cache-control': 'no-store',
      });
      response.end();
      return;
    }
    if (!isSame(cookieOf(request, cookieName(port)), session)) {
      return sendError(
        response,
        401,
        'Open FlashGrid with the address that the terminal printed: it contains the token.',
      );
    }
    const asset = assets.get(path === '/' ? '/index.html' : path);
    if (!asset) return sendError(response, 404, 'There is no such file.');
    sendAsset(request, response, asset);
  }
  server.maxConnections = MAX_CONNECTIONS;
  // From the first byte on, also during an upgrade, when the HTTP server no longer handles the socket: an error
  // without a listener would end the process. `close` follows and needs no handling.
  server.on('connection', (socket) => socket.on('error', () => undefined));
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;

  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_REQUEST_BYTES });
  server.on('upgrade', (request, socket, head) => {
    try {
      handleUpgrade(request, socket, head);
    } catch (error) {
      onSurprise(error);
      socket.destroy();
    }
  });
  function handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { origin, host: hostHeader } = request.headers;
    const isOurs = isOurHost(hostHeader) && (request.url ?? '').split('?')[0] === SOCKET_PATH;
    // A browser always sends an Origin with a WebSocket; the terminal sends the token instead.
    const isAllowed =
      origin === undefined
        ? hasToken(request)
        : origin === `http://${hostHeader}` && isSame(cookieOf(request, cookieName(port)), session);
    if (!isOurs || !isAllowed) {
      // Destroyed after the write: a client that keeps its side open would keep the descriptor for ever.
      socket.end(
        `HTTP/1.1 ${isOurs ? '401 Unauthorized' : '403 Forbidden'}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
        () => socket.destroy(),
      );
      return;
    }
    const caller = origin === undefined ? 'terminal' : 'page';
    sockets.handleUpgrade(request, socket, head, (webSocket) => serve(webSocket, centre, caller));
  }
  const stopForwarding = centre.hub.tap((event, payload) => {
    if (sockets.clients.size === 0) return;
    const text = JSON.stringify({ event, payload } satisfies EventMessage);
    for (const socket of sockets.clients) send(socket, text);
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const message = `Can't listen on ${inUrl(host)}:${port}: ${error.message}`;
      const isHost = ['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EINVAL'].includes(error.code ?? '');
      const failure: Failure = isHost
        ? {
            code: 'web.noSuchHost',
            message,
            fix: 'Choose an address of this machine with --host; `::1` is the loopback of IPv6.',
            field: 'host',
          }
        : {
            code: 'web.portTaken',
            message,
            fix: 'Choose another --port, or leave it out to take a free one.',
            field: 'port',
          };
      reject(new FailureError(failure, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
  // For example, no free file descriptor. The server goes on with the next connection.
  server.on('error', onSurprise);
  ({ port, address } = server.address() as AddressInfo);
  const reachable = inUrl(address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address);

  return {
    url: `http://${isIPv6(host) || host === '0.0.0.0' ? reachable : host}:${port}/?token=${token}`,
    host: reachable,
    port,
    token,
    close: async () => {
      stopForwarding();
      for (const socket of sockets.clients) socket.close(1001, 'FlashGrid is closing');
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate();
        server.closeAllConnections();
      }, 500).unref();
      await closed;
    },
  };
}

/** Sends a text; disconnects a frontend that is so slow that its queue would fill the memory. */
function send(socket: WebSocket, text: string): void {
  if (socket.readyState !== socket.OPEN) return;
  if (socket.bufferedAmount > MAX_WAITING_BYTES) socket.terminate();
  else socket.send(text);
}

function serve(socket: WebSocket, centre: FrontendTarget, caller: Caller): void {
  let running = 0;
  watchPulse(socket, PING_MS, 1);
  // `close` follows an error and needs no handling.
  socket.on('error', () => undefined);
  socket.on('message', (data, isBinary) => {
    const isBusy = running >= MAX_RUNNING;
    running++;
    answer(centre, isBinary ? '' : String(data), caller, isBusy)
      .then((reply) => send(socket, JSON.stringify(reply)))
      .catch((error: unknown) => {
        centre.noteSurprise(error);
        socket.terminate();
      })
      .finally(() => running--);
  });
}

const notARequest: Failure = {
  code: 'wire.badRequest',
  message: 'This is not a valid request.',
  fix: 'Send {"id", "command", "input"} as JSON.',
};
const tooMany: Failure = {
  code: 'wire.tooManyRequests',
  message: `More than ${MAX_RUNNING} commands of this connection are running.`,
  fix: 'Wait for their answers first.',
};

async function answer(centre: FrontendTarget, text: string, caller: Caller, isBusy: boolean): Promise<Reply> {
  const request = parseJson(text, requestSchema);
  if (!request) return { id: -1, result: { ok: false, error: notARequest } };
  const { id, command, input } = request;
  if (isBusy) return { id, result: { ok: false, error: tooMany } };
  return { id, result: await centre.dispatch(command, input, caller) };
}

function sendError(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    ...PAGE_HEADERS,
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
  });
  response.end(`${text}\n`);
}

function sendAsset(request: IncomingMessage, response: ServerResponse, asset: Asset): void {
  const headers = {
    ...PAGE_HEADERS,
    'content-type': asset.mediaType,
    etag: asset.etag,
    'cache-control': asset.isHashed ? 'private, max-age=31536000, immutable' : 'no-cache',
  };
  if (request.headers['if-none-match'] === asset.etag) {
    response.writeHead(304, headers);
    response.end();
    return;
  }
  response.writeHead(200, { ...headers, 'content-length': asset.body.length });
  response.end(request.method === 'HEAD' ? undefined : asset.body);
}
