/**
 * The one client of the contract: for the terminal, the browser page and the window. A transport carries calls and
 * events as they are; the client gives each call its time limit and parses every answer and event.
 */
import type { z } from 'zod';
import { backoffMs, type Backoff } from '../services/shared/backoff.ts';
import { withLimit } from '../services/shared/time-limit.ts';
import { parsers, timeoutMsOf, type ControlClient } from './contract.ts';
import { FailureError, type Failure } from './failure.ts';
import { messageSchema, resultSchema, type Request } from './wire.ts';
import { errorText } from '../services/shared/error-text.ts';
import { parseJson } from '../services/shared/parse-json.ts';

/** Carries messages without reading them, such as Electron's bridge or a WebSocket. */
export interface Transport {
  /** The command's result, not parsed. Rejects if there can be none. */
  call(name: string, input: unknown): Promise<unknown>;
  /** Returns the function that ends the subscription. */
  on(name: string, listener: (payload: unknown) => void): () => void;
}

export interface ClientOptions {
  /** What a user does next when the other side is of another version. */
  readonly otherVersionFix: string;
  /** Called when an event or message has an unknown form. */
  readonly onProblem?: (message: string) => void;
}

/** The contract's two functions over any transport. */
export function createClient(transport: Transport, options: ClientOptions): ControlClient {
  return {
    async call(name, input) {
      try {
        const limitMs = timeoutMsOf(name);
        const late = () =>
          new FailureError({
            code: 'client.timeout',
            message: `${name} was not answered within ${limitMs / 1_000} s.`,
            fix: 'Look at the logs, then try again.',
          });
        const answer = await withLimit(transport.call(name, input), limitMs, late);
        const result = resultSchema.safeParse(answer).data;
        if (result?.ok === false) return result;
        const value = parsers.commands[name].output.safeParse(result?.value);
        if (value.success) return { ok: true, value: value.data };
        const code = 'client.unknownAnswer';
        const message = `FlashGrid answered ${name} in a form that this version does not know (${firstIssue(value.error)}).`;
        return { ok: false, error: { code, message, fix: options.otherVersionFix } };
      } catch (error) {
        return { ok: false, error: failureOf(name, error) };
      }
    },
    on(name, listener) {
      return transport.on(name, (raw) => {
        const payload = parsers.events[name].safeParse(raw);
        if (payload.success) listener(payload.data);
        else
          options.onProblem?.(
            `The event ${name} has a form that this version does not know (${firstIssue(payload.error)}).`,
          );
      });
    },
  };
}

export type ConnectionStatus =
  | { readonly state: 'connecting' }
  | { readonly state: 'online' }
  | { readonly state: 'offline'; readonly retryAtMs: number };

/** A client with the status of its connection. */
export interface ConnectedClient extends ControlClient {
  /** Calls the listener now and at each change; returns the function that unsubscribes. */
  onStatus(listener: (status: ConnectionStatus) => void): () => void;
  /** Connects at once instead of waiting for the back-off. */
  retryNow(): void;
  close(): void;
}

/** The part of a WebSocket that is used here: the page's own, or Node's `ws`. */
export interface ClientSocket {
  addEventListener(type: 'open' | 'close', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  send(text: string): void;
  close(): void;
  /** Only of `ws`. */
  terminate?(): void;
}

export interface SocketClientOptions extends ClientOptions {
  createSocket(): ClientSocket;
  /** What a user does next when the connection is lost under a call. */
  readonly lostFix: string;
  /** Connects again by itself. Without it, a lost connection is the end. */
  readonly reconnect?: Backoff;
}

/**
 * The contract over a WebSocket. States: connecting → online → offline (waiting) → connecting … A lost connection fails the
 * calls under way: the control centre may or may not have run them, and its next snapshot tells.
 */
export function connectSocket(options: SocketClientOptions): ConnectedClient {
  const { reconnect } = options;
  const pending = new Map<number, { resolve(raw: unknown): void; reject(error: Error): void }>();
  const listeners = new Map<string, Set<(payload: unknown) => void>>();
  const statusListeners = new Set<(status: ConnectionStatus) => void>();
  let status: ConnectionStatus = { state: 'connecting' };
  let socket: ClientSocket | undefined;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let attempt = 0;
  let lastId = 0;
  let isClosed = false;

  const setStatus = (next: ConnectionStatus): void => {
    status = next;
    for (const listener of statusListeners) listener(next);
  };

  const receive = (data: unknown, from: ClientSocket): void => {
    const message = parseJson(String(data), messageSchema);
    if (!message) {
      const { onProblem } = options;
      if (onProblem) onProblem('The control centre sent a message of an unknown form.');
      // Another protocol: the connection is useless, and all pending calls fail.
      else from.terminate?.();
      return;
    }
    if ('event' in message) {
      for (const listener of listeners.get(message.event) ?? []) listener(message.payload);
      return;
    }
    pending.get(message.id)?.resolve(message.result);
    pending.delete(message.id);
  };

  const lose = (): void => {
    socket = undefined;
    for (const { reject } of pending.values()) reject(new FailureError(lostFailure(options.lostFix)));
    pending.clear();
    if (isClosed || !reconnect) return;
    const delayMs = backoffMs(reconnect, attempt++);
    setStatus({ state: 'offline', retryAtMs: Date.now() + delayMs });
    retryTimer = setTimeout(connect, delayMs);
  };

  const connect = (): void => {
    clearTimeout(retryTimer);
    setStatus({ state: 'connecting' });
    const opened = options.createSocket();
    socket = opened;
    opened.addEventListener('open', () => {
      attempt = 0;
      setStatus({ state: 'online' });
    });
    opened.addEventListener('message', ({ data }) => receive(data, opened));
    // An error is always followed by a close, which does the work.
    opened.addEventListener('close', () => {
      if (socket === opened) lose();
    });
  };

  const transport: Transport = {
    call: (command, input) =>
      new Promise((resolve, reject) => {
        if (!socket || status.state !== 'online') {
          reject(new FailureError(reconnect ? OFFLINE : lostFailure(options.lostFix)));
          return;
        }
        const id = ++lastId;
        pending.set(id, { resolve, reject });
        socket.send(JSON.stringify({ id, command, input } satisfies Request));
      }),
    on(name, listener) {
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set.add(listener));
      return () => void set.delete(listener);
    },
  };

  connect();
  return {
    ...createClient(transport, options),
    onStatus(listener) {
      statusListeners.add(listener);
      listener(status);
      return () => void statusListeners.delete(listener);
    },
    retryNow() {
      if (status.state === 'offline') connect();
    },
    close() {
      isClosed = true;
      clearTimeout(retryTimer);
      socket?.close();
    },
  };
}

const OFFLINE: Failure = {
  code: 'client.offline',
  message: 'The control centre does not answer.',
  fix: 'Check that FlashGrid still runs; this page reconnects by itself.',
};

/** The connection was lost before an answer came. */
export function lostFailure(fix: string): Failure {
  const message = 'The connection to the running FlashGrid was lost: it has ended, or does not answer.';
  return { code: 'client.lost', message, fix };
}

function failureOf(name: string, error: unknown): Failure {
  if (error instanceof FailureError) return error.failure;
  return {
    code: 'client.refused',
    message: `${name} was refused: ${errorText(error)}`,
    fix: 'Restart FlashGrid; if it happens again, report it.',
  };
}

function firstIssue({ issues: [issue] }: z.ZodError): string {
  return issue ? `${issue.path.join('.') || 'value'}: ${issue.message}` : 'unknown shape';
}
