/** For tests: a gateway that behaves, or misbehaves on purpose, and remembers who asked. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import {
  createServer as createTcpServer,
  type AddressInfo,
  type Server as TcpServer,
  type Socket,
} from 'node:net';
import { z } from 'zod';

const bodySchema = z.object({ saleId: z.string(), userId: z.string() });

/** One request as the server got it. */
export interface SeenRequest {
  readonly userId: string;
  readonly saleId: string;
  /** From 0, in the order of arrival. */
  readonly number: number;
}

export interface TestServer {
  readonly url: string;
  readonly seen: readonly SeenRequest[];
  /** Sockets that were ever opened. */
  readonly sockets: number;
  close(): Promise<void>;
}

/** Answers as the gateway does when it queues a reservation. */
export function acknowledge(response: ServerResponse, { number, saleId }: SeenRequest): void {
  const reservationId = `${saleId}.gateway1-${Math.floor(number / 10).toString(36)}.${number % 10}`;
  response.writeHead(202, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ reservationId, status: 'queued' }));
}

/** Starts a server that hands every request to `answer`. */
export async function startServer(
  answer: (request: SeenRequest, response: ServerResponse, raw: IncomingMessage) => void,
): Promise<TestServer> {
  const seen: SeenRequest[] = [];
  let sockets = 0;
  const server = createServer((raw, response) => {
    raw.setEncoding('utf8');
    let text = '';
    raw.on('data', (part: string) => (text += part));
    raw.on('end', () => {
      const request = { ...bodySchema.parse(JSON.parse(text)), number: seen.length };
      seen.push(request);
      answer(request, response, raw);
    });
  });
  server.on('connection', () => sockets++);
  const url = await listen(server);
  return {
    url,
    seen,
    get sockets() {
      return sockets;
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Starts a server that speaks raw TCP: `onRequest` is called for each chunk that comes in. */
export async function startTcpServer(
  onRequest: (socket: Socket, number: number) => void,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  let number = 0;
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined); // The generator may hang up at any time.
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', () => onRequest(socket, number++));
  });
  const url = await listen(server);
  return {
    url,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function listen(server: Server | TcpServer): Promise<string> {
  await new Promise<void>((resolve) =>
    server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, resolve),
  );
  return `http://127.0.0.1:${portOf(server.address())}`;
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}
