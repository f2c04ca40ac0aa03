/** The contract through the WebSocket of a control centre that runs in another process: how the terminal talks to `flashgrid up`. */
import { WebSocket } from 'ws';
import type { z } from 'zod';
import { FailureError } from './control/cluster/cluster.ts';
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
} from './control/contract.ts';
import { EventHub } from './control/lib/event-hub.ts';
import { SOCKET_PATH, replySchema } from './wire.ts';

/** ms within which a control centre on this machine must take the connection. */
const CONNECT_LIMIT_MS = 5_000;

export interface RemoteAddress {
  readonly port: number;
  readonly token: string;
}

const lost: Result<never> = {
  ok: false,
  error: {
    code: 'remote.lost',
    message: 'The connection to the running FlashGrid was lost.',
    fix: 'Look with `flashgrid status` whether it still runs.',
  },
};

export class RemoteClient implements ControlClient {
  readonly #socket: WebSocket;
  readonly #hub = new EventHub();
  readonly #waiting = new Map<number, (result: Result<unknown>) => void>();
  #nextId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => this.#take(String(data)));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      for (const resolve of this.#waiting.values()) resolve(lost);
      this.#waiting.clear();
    });
  }

  /** @throws FailureError `remote.noAnswer` */
  static async connect({ port, token }: RemoteAddress): Promise<RemoteClient> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${SOCKET_PATH}`, {
      headers: { authorization: `Bearer ${token}` },
      handshakeTimeout: CONNECT_LIMIT_MS,
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', (cause) =>
        reject(
          new FailureError(
            {
              code: 'remote.noAnswer',
              message: 'A FlashGrid seems to run but does not answer.',
              fix: 'End it (`flashgrid down`, or stop its process), then try again.',
            },
            { cause },
          ),
        ),
      );
    });
    return new RemoteClient(socket);
  }

  async call<Name extends CommandName>(
    name: Name,
    input: CommandInput<Name>,
  ): Promise<Result<CommandOutput<Name>>> {
    if (this.#socket.readyState !== WebSocket.OPEN) return lost;
    const id = this.#nextId++;
    const result = await new Promise<Result<unknown>>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, command: name, input }));
    });
    if (!result.ok) return result;
    const schema: z.ZodType<CommandOutput<Name>> = commands[name].output as never;
    return { ok: true, value: schema.parse(result.value) };
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

  #take(text: string): void {
    const message = replySchema.parse(JSON.parse(text));
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
