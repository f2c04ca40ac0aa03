/** A load balancer that knows no sessions: each request, and each upgrade, goes to the next server. */
import { createServer, request as httpRequest } from 'node:http';
import { connect, type AddressInfo } from 'node:net';

export interface RoundRobin {
  readonly url: string;
  /** Of the servers; may be changed. */
  readonly ports: number[];
  close(): Promise<void>;
}

export async function startRoundRobin(servers: readonly number[]): Promise<RoundRobin> {
  const ports = [...servers];
  let turn = 0;
  const next = (): number => ports[turn++ % ports.length] ?? 0;
  const server = createServer((incoming, response) => {
    const { method, url, headers } = incoming;
    const outgoing = httpRequest(
      { host: '127.0.0.1', port: next(), method, path: url, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(response);
      },
    );
    outgoing.on('error', () => response.destroy());
    response.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
  server.on('upgrade', ({ method, url, rawHeaders }, socket, head) => {
    const peer = connect(next(), '127.0.0.1');
    peer.on('error', () => socket.destroy());
    socket.on('error', () => peer.destroy());
    const fields = rawHeaders.map((text, at) => (at % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('');
    peer.write(`${method} ${url} HTTP/1.1\r\n${fields}\r\n`);
    peer.write(head);
    socket.pipe(peer).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    ports,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
