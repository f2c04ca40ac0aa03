/**
 * HTTP to our own parts on this machine, without any proxy. `fetch` and Node's global agent follow HTTP_PROXY
 * when NODE_USE_ENV_PROXY is set (Node 22.21 and later): a proxy can't reach our loopback ports, and would
 * get the admin token.
 */
import { Agent, request } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';

/** Agents of our own ignore the proxy variables. No keep-alive: no connection is stale after a restart. */
export const directAgent = new Agent();
export const directTlsAgent = new TlsAgent();

/** The most bytes of one answer; real ones are far smaller. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

export interface LoopbackRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** ms until the whole answer must be there. */
  readonly limitMs: number;
}

export interface LoopbackAnswer {
  readonly status: number;
  readonly text: string;
}

/** @throws Error when the connection fails or the answer is not complete in time */
export function requestLoopback(
  url: string,
  { method, headers, body, limitMs }: LoopbackRequest,
): Promise<LoopbackAnswer> {
  return new Promise((resolve, reject) => {
    const isTls = url.startsWith('https:');
    const asked = (isTls ? tlsRequest : request)(url, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) },
      agent: isTls ? directTlsAgent : directAgent,
      signal: AbortSignal.timeout(limitMs),
    });
    asked.on('error', reject);
    asked.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > MAX_ANSWER_BYTES)
          response.destroy(new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`));
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    asked.end(body);
  });
}

const PROXY_VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'];

/** The environment for a child that only talks to parts on this machine: without proxy variables. */
export function withoutProxy(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !PROXY_VARIABLES.includes(name.toUpperCase())),
  );
}
