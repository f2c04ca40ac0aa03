/** The HTTP side: Fastify with the gateway's limits and its problem documents. */
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
  rejection,
} from './problems.ts';
import type { Rejection } from './problems.ts';

/** Bytes of a reservation's body. A normal one has about a hundred. */
export const RESERVE_BODY_LIMIT_BYTES = 16 * 1024;
const BODY_LIMIT_BYTES = 64 * 1024;
/** Longer than the idle time of common load balancers, so that they close idle connections before we do. */
export const KEEP_ALIVE_MS = 72_000;
/** ms in which a client must send its headers, and its whole request. */
export const HEADERS_TIMEOUT_MS = 20_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** ms between two checks of these limits. */
const TIMEOUT_CHECK_MS = 2_000;
/**
 * ms without a byte in either direction after which a connection that waits is closed. A long poll is
 * answered sooner.
 */
const STALLED_MS = 60_000;
/** Where Socket.IO is served. */
export const LIVE_PATH = '/socket.io';
/** Connections that may wait in the kernel to be accepted: ten thousand buyers come at once. */
export const LISTEN_BACKLOG = 16_384;

export interface HttpAppOptions {
  /** Called with errors that are our fault. */
  readonly onUnexpected: (request: FastifyRequest, error: unknown) => void;
  /** Called with each rejection that the reserve handler did not write. */
  readonly onRejected: (route: string | undefined, given: Rejection) => void;
  /** Which Host headers are served, by default all. */
  readonly isHostAllowed?: HostCheck | undefined;
}

/**
 * A request whose `upgrade` is true only for Socket.IO. As soon as a server listens for upgrades, Node emits
 * all of them, and those for other protocols would never be answered. RFC 9110, 7.8 wants them served in
 * HTTP/1.1.
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
    // No log line has a request's id.
    requestIdHeader: false,
    genReqId: () => '',
    frameworkErrors: (_error, _request, reply) => {
      writeRejection(reply, rejection('invalid', 'The URL is malformed.'));
    },
  });
  // A client that has ended its side still gets its answers. Node has no option for that, only this property.
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
    const given = rejectionOf(error);
    if (given.kind === 'unexpected') options.onUnexpected(request, error);
    options.onRejected(request.routeOptions.url, given);
    writeRejection(reply, given);
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
    writeRejection(
      reply,
      allowed === undefined
        ? rejection('unknown-route', 'See /openapi.json for all routes.')
        : rejection('method-not-allowed', `This route takes ${allowed}.`, { headers: ['allow', allowed] }),
    );
  });
  return app;
}

/** Sends a rejection through Fastify, for the routes off the hot path. */
export function writeRejection(reply: FastifyReply, given: Rejection): void {
  for (let at = 0; at + 1 < given.headers.length; at += 2)
    reply.header(given.headers[at] ?? '', given.headers[at + 1]);
  void reply.code(given.status).send(given.payload);
}

/** What a client sees of an error: never its message or stack, unless the error was made for clients. */
function rejectionOf(error: unknown): Rejection {
  if (error instanceof ProblemError) return error.rejection;
  const status =
    error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
      ? error.statusCode
      : 500;
  if (status === 413) return rejection('too-large', 'Send a smaller body; /openapi.json has the limits.');
  if (status === 415) return rejection('unsupported-media-type', 'Send application/json.');
  if (status >= 400 && status < 500)
    return invalid([{ field: 'body', message: 'could not be read to its end' }]);
  return rejection(
    'unexpected',
    'The gateway logged the error. The request may or may not have taken effect.',
  );
}

/** Answers input that Node's parser gave up on, and ends the connection. */
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
    // The client would take an answer written now for the one to its earlier request.
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
