import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, expect, it } from 'vitest';
import { requestLoopback, withoutProxy } from './loopback.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

async function listen(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const limits = { method: 'GET', headers: {}, limitMs: 500 };

it('never goes through a proxy that the environment names', async () => {
  const proxied: string[] = [];
  const proxy = createServer((request, response) => {
    proxied.push(`${request.url} ${request.headers.authorization}`);
    response.end('proxied');
  });
  proxy.on('connect', (request, socket) => {
    proxied.push(`CONNECT ${request.url}`);
    socket.destroy();
  });
  const [proxyUrl, url] = [
    await listen(proxy),
    await listen(createServer((_, response) => response.end('direct'))),
  ];
  const script = `
    import { requestLoopback } from ${JSON.stringify(join(import.meta.dirname, 'loopback.ts'))};
    const { text } = await requestLoopback(${JSON.stringify(url)}, { method: 'GET', headers: { authorization: 'secret' }, limitMs: 5_000 });
    process.stdout.write(text);`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', script],
    // Node 20 looks at none of these; from 22.21 on, the global agent and fetch follow them.
    {
      env: {
        ...process.env,
        NODE_USE_ENV_PROXY: '1',
        HTTP_PROXY: proxyUrl,
        http_proxy: proxyUrl,
        NO_PROXY: '',
      },
    },
  );
  expect(stdout).toBe('direct');
  expect(proxied).toEqual([]);
});

it('takes the variables of proxies from a child, in whichever case, and leaves the others', () => {
  const env = { PATH: '/bin', http_proxy: 'x', HTTPS_PROXY: 'x', All_Proxy: 'x', NODE_USE_ENV_PROXY: '1' };
  expect(withoutProxy(env)).toEqual({ PATH: '/bin' });
});

it('gives up an answer that does not come, breaks off, or never ends', async () => {
  const silent = await listen(createServer(() => undefined));
  await expect(requestLoopback(silent, limits)).rejects.toThrow();
  const broken = await listen(
    createServer((_, response) => {
      response.writeHead(200, { 'content-length': 10 });
      response.write('half');
      setTimeout(() => response.destroy(), 20);
    }),
  );
  await expect(requestLoopback(broken, limits)).rejects.toThrow();
  const endless = await listen(
    createServer((_, response) => {
      const more = () => response.write('x'.repeat(100_000));
      response.on('drain', more);
      more();
    }),
  );
  await expect(requestLoopback(endless, limits)).rejects.toThrow();
});
