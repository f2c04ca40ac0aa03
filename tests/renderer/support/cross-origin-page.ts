/** A web site of somebody else on this machine: another port is another origin, yet the same site, so even a strict cookie comes along. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Stranger {
  readonly url: string;
  close(): Promise<void>;
}

/** What the page tries; each attempt ends as `refused`, or as what it got. The page writes the outcome into its title. */
const attempts = (frontend: string) => `
const frontend = ${JSON.stringify(frontend)};
const element = (name, set) => new Promise((resolve) => {
  const made = document.createElement(name);
  made.onload = () => resolve('loaded');
  made.onerror = () => resolve('refused');
  set(made);
  document.body.append(made);
});
const attempts = {
  read: fetch(frontend + '/', { credentials: 'include' }).then((answer) => answer.text(), () => 'refused'),
  blindRead: fetch(frontend + '/', { credentials: 'include', mode: 'no-cors' }).then(({ type }) => type, () => 'refused'),
  post: fetch(frontend + '/', { method: 'POST', body: 'x', credentials: 'include' }).then(({ status }) => status, () => 'refused'),
  picture: element('img', (image) => { image.src = frontend + '/icon.svg'; }),
  socket: new Promise((resolve) => {
    const socket = new WebSocket(frontend.replace('http', 'ws') + '/ws');
    socket.onopen = () => resolve('open');
    socket.onerror = () => resolve('refused');
  }),
};
addEventListener('load', async () => {
  const frame = document.createElement('iframe');
  frame.src = frontend + '/';
  document.body.append(frame);
  const names = Object.keys(attempts);
  const outcomes = await Promise.all(Object.values(attempts));
  document.querySelector('output').textContent =
    JSON.stringify(Object.fromEntries(names.map((name, index) => [name, outcomes[index]])));
});
`;

/** Serves the page on a port of its own. */
export async function startCrossOriginPage(frontend: string): Promise<Stranger> {
  const server = createServer((request, response) => {
    const isScript = request.url === '/attempts.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(
      isScript
        ? attempts(frontend)
        : '<!doctype html><title>Win a ticket</title><body><output></output><script src="/attempts.js"></script>',
    );
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
