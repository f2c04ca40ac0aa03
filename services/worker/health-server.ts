/** Health and metrics over HTTP. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { hostCheck } from '../shared/host-check.ts';
import { errorText } from '../shared/error-text.ts';

export interface HealthServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly registry: Registry;
  /** Why the worker can't do its work, a line each; empty when it can. */
  readonly whyNotReady: () => readonly string[];
  /** Called when a connection could not be accepted. */
  readonly onError: (error: Error) => void;
}

/** Connections at once. The worker needs the other file descriptors itself. */
const MAX_CONNECTIONS = 64;
/** ms of silence after which a connection is closed. */
const SILENT_LIMIT_MS = 10_000;

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves /healthz (the process answers), /readyz (it takes frames and all its backends serve) and /metrics.
 */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const isHostAllowed = hostCheck(options.host, undefined);
  const server = createServer((request, response) => {
    const answer = (status: number, text: string, type = 'text/plain; charset=utf-8'): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(text);
    };
    const ready = (problems: readonly string[]): void =>
      problems.length === 0 ? answer(200, 'ready\n') : answer(503, `${problems.join('\n')}\n`);
    if (isHostAllowed?.(request.headers.host) === false)
      return answer(421, 'not served under this host name\n');
    switch (request.url?.split('?', 1)[0]) {
      case '/healthz':
        return answer(200, 'ok\n');
      case '/readyz':
        return ready(options.whyNotReady());
      case '/metrics':
        options.registry.metrics().then(
          (text) => answer(200, text, Registry.PROMETHEUS_CONTENT_TYPE),
          (error: unknown) => answer(500, `${errorText(error)}\n`),
        );
        return;
      default:
        return answer(404, 'not found\n');
    }
  });
  server.requestTimeout = 10_000;
  server.timeout = SILENT_LIMIT_MS;
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      // Without a listener, a connection that can't be accepted ends the process.
      server.on('error', options.onError);
      resolve();
    });
  });
  return {
    port: portOf(server.address()),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('the health server has no port');
  return address.port;
}
