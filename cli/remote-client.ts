/** The contract through the WebSocket of a control centre that runs in another process: how the terminal talks to `flashgrid up`. */
import { WebSocket } from 'ws';
import type { z } from 'zod';
import { FailureError } from '../contract/failure.ts';
import {
  commands,
  events,
  type CommandInput,
  type CommandName,
  type CommandOutput,
  type ControlClient,
  type EventName,
  type EventPayload,
  type Result,
} from '../contract/contract.ts';
import { commandLine } from '../control/lib/command-line.ts';
import { EventHub } from '../control/lib/event-hub.ts';
import { SOCKET_PATH, replySchema } from '../contract/wire.ts';

/** ms within which a control centre on this machine must take the connection. */
const CONNECT_LIMIT_MS = 5_000;
/** ms between two looks whether the other side still answers. */
const PULSE_MS = 10_000;
/** Looks in a row without any sign of life after which the other side counts as gone. */
const MAX_SILENT_PULSES = 3;

export interface RemoteAddress {
  /** As a URL names it. */
  readonly host: string;
  readonly port: number;
  readonly token: string;
}

/** What a command is told that can't go on without its control centre. */
export function lostFailure(): FailureError {
  return new FailureError({
    code: 'remote.lost',
    message: 'The connection to the running FlashGrid was lost: it has ended, or does not answer.',
    fix: `Look with \`${commandLine('status')}\` whether it still runs; \`${commandLine('down')}\` clears what it left.`,
  });
}

const lost = (): Result<never> => ({ ok: false, error: lostFailure().failure });

export class RemoteClient implements ControlClient {
  readonly #socket: WebSocket;
  readonly #hub = new EventHub();
  readonly #waiting = new Map<number, (result: Result<unknown>) => void>();
  readonly #pulse: NodeJS.Timeout;
  #silentPulses = 0;
  #nextId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      this.#silentPulses = 0;
      this.#take(String(data));
    });
    socket.on('pong', () => (this.#silentPulses = 0));
    // `close` follows.
    socket.on('error', () => undefined);
    this.#pulse = setInterval(() => this.#checkPulse(), PULSE_MS).unref();
    socket.on('close', () => {
      clearInterval(this.#pulse);
      for (const resolve of this.#waiting.values()) resolve(lost());
      this.#waiting.clear();
    });
  }

  /** @throws FailureError `remote.noAnswer` */
  static async connect(
    { host, port, token }: RemoteAddress,
    limitMs = CONNECT_LIMIT_MS,
  ): Promise<RemoteClient> {
    const socket = new WebSocket(`ws://${host}:${port}${SOCKET_PATH}`, {
      headers: { authorization: `Bearer ${token}` },
      handshakeTimeout: limitMs,
    });
    const client = new RemoteClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', (cause) =>
        reject(
          new FailureError(
            {
              code: 'remote.noAnswer',
              message: 'A FlashGrid seems to run but does not answer.',
              fix: `End it (\`${commandLine('down')}\`), then try again.`,
            },
            { cause },
          ),
        ),
      );
    });
    return client;
  }

  async call<Name extends CommandName>(
    name: Name,
    input: CommandInput<Name>,
  ): Promise<Result<CommandOutput<Name>>> {
    if (this.#socket.readyState !== WebSocket.OPEN) return lost();
    const id = this.#nextId++;
    const result = await new Promise<Result<unknown>>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, command: name, input }));
    });
    if (!result.ok) return result;
    const schema: z.ZodType<CommandOutput<Name>> = commands[name].output as never;
    const value = schema.safeParse(result.value);
    if (value.success) return { ok: true, value: value.data };
    return {
      ok: false,
      error: {
        code: 'remote.otherVersion',
        message: `The running FlashGrid answered ${name} in a form that this one does not know: it is of another version.`,
        fix: `Stop it (\`${commandLine('down')}\`) and start it with this version.`,
      },
    };
  }

  on<Name extends EventName>(name: Name, listener: (payload: EventPayload<Name>) => void): () => void {
    return this.#hub.on(name, listener);
  }

  /** Resolves when the other side is gone. */
  closed(): Promise<void> {
    if (this.#socket.readyState === WebSocket.CLOSED) return Promise.resolve();
    return new Promise((resolve) => this.#socket.once('close', () => resolve()));
  }

  close(): void {
    this.#socket.close();
  }

  #checkPulse(): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    // Frozen, or the machine was too busy: three in a row, so that a laptop's sleep does not count as one.
    if (++this.#silentPulses > MAX_SILENT_PULSES) this.#socket.terminate();
    else this.#socket.ping();
  }

  #take(text: string): void {
    const message = replySchema.safeParse(parseJson(text)).data;
    // Not of this protocol: whoever waits for an answer hears that the connection is of no use.
    if (message === undefined) return this.#socket.terminate();
    if ('event' in message) {
      const { event } = message;
      if (!isEventName(event)) return;
      const payload = events[event].safeParse(message.payload);
      // A newer control centre may send more than this terminal knows.
      if (payload.success) this.#hub.forward(event, payload.data);
      return;
    }
    this.#waiting.get(message.id)?.(message.result);
    this.#waiting.delete(message.id);
  }
}

function isEventName(name: string): name is EventName {
  return Object.hasOwn(events, name);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The schema refuses it.
    return undefined;
  }
}
