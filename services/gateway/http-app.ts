/** The HTTP side: Fastify with the gateway's limits, its problem documents and its routes. */
import { IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import Fastify from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { HostCheck } from '../shared/host-check.ts';
import { closingReply } from './fast-path/reply-heads.ts';
import {
  HEAD_TOO_LARGE,
  ProblemError,
  REQUEST_CUT_SHORT,
  REQUEST_TOO_SLOW,
  UNKNOWN_HOST,
  invalid,
  refusal,
} from './problems.ts';
import type { Refusal } from './problems.ts';

/** Bytes of a reservation's body; a sound one has about a hundred. */
export const RESERVE_BODY_LIMIT_BYTES = 16 * 1024;
const BODY_LIMIT_BYTES = 64 * 1024;
/** Longer than the idle time of load balancers in common use, so that they and not we close an idle connection. */
export const KEEP_ALIVE_MS = 72_000;
/** ms in which a client must have sent its headers, and its whole request. */
export const HEADERS_TIMEOUT_MS = 20_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** ms between two looks for requests that take longer than that. */
const TIMEOUT_CHECK_MS = 2_000;
/** ms for which a connection may neither take nor send a byte while it is owed an answer: its client does not read. A long poll is answered sooner. */
const STALLED_MS = 60_000;
/** Where Socket.IO is served. */
export const LIVE_PATH = '/socket.io';
/** Connections that the kernel may hold for us to accept: ten thousand buyers come at once. */
export const LISTEN_BACKLOG = 16_384;

export interface HttpAppOptions {
  /** Hears of errors that are nobody's but ours. */
  readonly onUnexpected: (request: FastifyRequest, error: unknown) => void;
  /** Hears of each refusal that is not written by the reserve handler. */
  readonly onRefused: (route: string | undefined, given: Refusal) => void;
  /** Whether a Host header may be served; all are unless told. */
  readonly isHostAllowed?: HostCheck | undefined;
}

/**
 * A request whose `upgrade` is true only when it will be taken. Node gives all upgrades to whoever listens for some; those for anything but
 * Socket.IO would never be answered, but a server that does not know a protocol shall go on in HTTP/1.1 (RFC 9110, 7.8).
 */
class GatewayRequest extends IncomingMessage {
  asksForUpgrade?: boolean;
  // IncomingMessage assigns it.
  get upgrade(): boolean {
    return (
      this.asksForUpgrade === true &&
      (this.method === 'CONNECT' ||
        (this.headers.upgrade?.toLowerCase() === 'websocket' &&
          this.url?.startsWith(`${LIVE_PATH}/`) === true))
    );
  }
  set upgrade(asks: boolean) {
    this.asksForUpgrade = asks;
  }
}

/** Makes the app; routes are added by the caller. */
export function createHttpApp(options: HttpAppOptions): FastifyInstance {
  const app = Fastify({
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: STALLED_MS,
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      IncomingMessage: GatewayRequest,
    },
    clientErrorHandler,
    forceCloseConnections: 'idle',
    // Ids of requests go nowhere: no log line carries one.
    requestIdHeader: false,
    genReqId: () => '',
    frameworkErrors: (_error, _request, reply) => {
      writeRefusal(reply, refusal('invalid', 'The URL is not sound.'));
    },
  });
  // A client that ends its side is still owed its answers. Node has no option for it, only this property.
  Object.assign(app.server, { httpAllowHalfOpen: true });
  const { isHostAllowed } = options;
  if (isHostAllowed !== undefined)
    app.addHook('onRequest', (request, _reply, done) => {
      done(isHostAllowed(request.headers.host) ? undefined : new ProblemError(UNKNOWN_HOST));
    });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, JSON.parse(typeof body === 'string' ? body : body.toString('utf8')));
    } catch (error) {
      const given = invalid([{ field: 'body', message: 'is not JSON' }]);
      done(new ProblemError(given, { cause: error }), undefined);
    }
  });

  app.setErrorHandler((error, request, reply) => {
    const given = refusalOf(error);
    if (given.kind === 'unexpected') options.onUnexpected(request, error);
    options.onRefused(request.routeOptions.url, given);
    writeRefusal(reply, given);
  });

  const methodsByRoute = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }) => {
    const methods = methodsByRoute.get(url) ?? new Set<string>();
    for (const each of [method].flat()) methods.add(each);
    methodsByRoute.set(url, methods);
  });
  app.setNotFoundHandler((request, reply) => {
    const [path = ''] = request.url.split('?', 1);
    const allowed = allowedMethods(methodsByRoute, path);
    writeRefusal(
      reply,
      allowed === undefined
        ? refusal('unknown-route', 'See /openapi.json for the routes that there are.')
        : refusal('method-not-allowed', `This route takes ${allowed}.`, { headers: ['allow', allowed] }),
    );
  });
  return app;
}

/** Sends a refusal through Fastify, for the routes off the hot path. */
export function writeRefusal(reply: FastifyReply, given: Refusal): void {
  for (let at = 0; at + 1 < given.headers.length; at += 2)
    reply.header(given.headers[at] ?? '', given.headers[at + 1]);
  void reply.code(given.status).send(given.payload);
}

/** What a caller hears of an error. Never its message or stack, unless the error was made for callers. */
function refusalOf(error: unknown): Refusal {
  if (error instanceof ProblemError) return error.refusal;
  const status =
    error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
      ? error.statusCode
      : 500;
  if (status === 413) return refusal('too-large', 'The body is larger than this route takes.');
  if (status === 415) return refusal('unsupported-media-type', 'Send application/json.');
  if (status >= 400 && status < 500)
    return invalid([{ field: 'body', message: 'could not be read to its end' }]);
  return refusal('unexpected', 'The error was logged. Nothing is known of whether the request took effect.');
}

/** Answers what Node's parser gave up, and ends the connection. */
function clientErrorHandler(
  error: NodeJS.ErrnoException,
  socket: Socket & { _httpMessage?: ServerResponse },
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const owed = socket._httpMessage;
  if (owed?.req.complete) {
    // Whatever is written now would be read as the answer to an earlier request.
    owed.shouldKeepAlive = false;
    owed.once('finish', () => socket.destroySoon());
    return;
  }
  const given =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? REQUEST_TOO_SLOW
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? HEAD_TOO_LARGE
        : REQUEST_CUT_SHORT;
  if (!owed?.headersSent) socket.end(closingReply(given));
  socket.destroySoon();
}

function allowedMethods(
  methodsByRoute: ReadonlyMap<string, ReadonlySet<string>>,
  path: string,
): string | undefined {
  const segments = path.split('/');
  for (const [route, methods] of methodsByRoute) {
    const pattern = route.split('/');
    const isMatch =
      pattern.length === segments.length &&
      pattern.every((part, at) => (part.startsWith(':') ? segments[at] !== '' : part === segments[at]));
    if (isMatch) return [...methods].sort().join(', ');
  }
  return undefined;
}
