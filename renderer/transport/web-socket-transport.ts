/**
 * The contract over a WebSocket of the page's own origin. States: connecting → online → offline (waiting) → connecting …
 * A lost connection fails the calls under way: the control centre may or may not have run them, and says so by its next snapshot.
 */
import { z } from 'zod';
import type {
  CommandInput,
  CommandName,
  CommandOutput,
  EventName,
  EventPayload,
  Result,
} from '../../contract/contract.ts';
import { failureSchema } from '../../contract/failure.ts';
import { backoffMs } from './backoff.ts';
import {
  failed,
  parseOutput,
  parsePayload,
  parseWith,
  timeoutMsOf,
  type Carrier,
  type CarrierStatus,
  type ProblemListener,
} from './transport.ts';

const messageSchema = z.union([
  z.object({
    id: z.number(),
    result: z.discriminatedUnion('ok', [
      z.object({ ok: z.literal(true), value: z.unknown() }),
      z.object({ ok: z.literal(false), error: failureSchema }),
    ]),
  }),
  z.object({ event: z.string(), payload: z.unknown() }),
]);

/** The part of a WebSocket that is used here. */
interface SocketLike extends EventTarget {
  send(text: string): void;
  close(): void;
}

interface PendingCall {
  readonly settle: (result: Result<unknown>) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

const LOST = failed(
  'face.connectionLost',
  'The connection to the control centre was lost before it answered.',
  'FlashGrid reconnects by itself; look at the state it shows then, and try again if need be.',
);

export function createWebSocketCarrier(
  url: string,
  onProblem: ProblemListener,
  createSocket: (url: string) => SocketLike = (address) => new WebSocket(address),
): Carrier {
  const pending = new Map<number, PendingCall>();
  const listeners = new Map<string, Set<(payload: unknown) => void>>();
  const statusListeners = new Set<(status: CarrierStatus) => void>();
  let status: CarrierStatus = { state: 'connecting' };
  let socket: SocketLike | undefined;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let attempt = 0;
  let lastId = 0;
  let isClosed = false;

  const setStatus = (next: CarrierStatus): void => {
    status = next;
    for (const listener of statusListeners) listener(next);
  };

  const receive = (data: unknown): void => {
    if (typeof data !== 'string') return;
    let json: unknown;
    try {
      json = JSON.parse(data);
    } catch {
      onProblem('The control centre sent a message that is not JSON.');
      return;
    }
    const message = parseWith(messageSchema, json);
    if (!message.ok) {
      onProblem(`The control centre sent a message that this page does not know (${message.reason}).`);
      return;
    }
    if ('event' in message.value) {
      for (const listener of listeners.get(message.value.event) ?? []) listener(message.value.payload);
      return;
    }
    const call = pending.get(message.value.id);
    if (!call) return;
    pending.delete(message.value.id);
    clearTimeout(call.timer);
    call.settle(message.value.result);
  };

  const lose = (): void => {
    socket = undefined;
    for (const call of pending.values()) {
      clearTimeout(call.timer);
      call.settle(LOST);
    }
    pending.clear();
    if (isClosed) return;
    const delayMs = backoffMs(attempt++, Math.random());
    setStatus({ state: 'offline', retryAtMs: Date.now() + delayMs });
    retryTimer = setTimeout(connect, delayMs);
  };

  const connect = (): void => {
    clearTimeout(retryTimer);
    setStatus({ state: 'connecting' });
    const opened = createSocket(url);
    socket = opened;
    opened.addEventListener('open', () => {
      attempt = 0;
      setStatus({ state: 'online' });
    });
    opened.addEventListener('message', (event) => receive('data' in event ? event.data : undefined));
    // An error is always followed by a close, which does the work.
    opened.addEventListener('close', () => {
      if (socket === opened) lose();
    });
  };

  const send = (name: CommandName, input: unknown): Promise<Result<unknown>> =>
    new Promise((resolve) => {
      if (!socket || status.state !== 'online') {
        resolve(
          failed(
            'face.offline',
            'The control centre does not answer.',
            'Check that FlashGrid still runs; this page reconnects by itself.',
          ),
        );
        return;
      }
      const id = ++lastId;
      const timeoutMs = timeoutMsOf(name);
      const timer = setTimeout(() => {
        pending.delete(id);
        resolve(
          failed(
            'face.timeout',
            `${name} was not answered within ${timeoutMs / 1000} s.`,
            'Look at the logs, then try again.',
          ),
        );
      }, timeoutMs);
      pending.set(id, { settle: resolve, timer });
      socket.send(JSON.stringify({ id, command: name, input }));
    });

  connect();

  return {
    async call<Name extends CommandName>(
      name: Name,
      input: CommandInput<Name>,
    ): Promise<Result<CommandOutput<Name>>> {
      const result = await send(name, input);
      if (!result.ok) return result;
      const value = parseOutput(name, result.value);
      if (value.ok) return value;
      return failed(
        'face.unknownAnswer',
        `The answer to ${name} is not what this page expects (${value.reason}).`,
        'Reload the page: the control centre may be of another version.',
      );
    },
    on<Name extends EventName>(name: Name, listener: (payload: EventPayload<Name>) => void) {
      const hear = (raw: unknown): void => {
        const payload = parsePayload(name, raw);
        if (payload.ok) listener(payload.value);
        else onProblem(`The event ${name} is not what this page expects (${payload.reason}).`);
      };
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set.add(hear));
      return () => set.delete(hear);
    },
    onStatus(listener) {
      statusListeners.add(listener);
      listener(status);
      return () => statusListeners.delete(listener);
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
