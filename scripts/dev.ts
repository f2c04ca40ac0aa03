/**
 * The window's page in a browser, from its sources and with hot reload.
 *
 *   npm run dev                [-- --port 5173] [--data-dir DIR]   on a control centre: the built one, or one that runs already
 *   npm run dev -- --replay    [--port 5173]                       on a recorded run: nothing is built, no backend is needed
 *
 * Vite serves the page; the socket and the address with the token go through to the control centre, which decides as
 * always whether it lets them in. Only here: the shipped page is built by electron.vite.config.ts.
 */
import { randomBytes } from 'node:crypto';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import react from '@vitejs/plugin-react';
import { createServer, type Plugin, type ProxyOptions, type ViteDevServer } from 'vite';
import { SOCKET_PATH } from '../contract/wire.ts';
import { serveApp, serveReplay, type ServedFrontend } from './serve.ts';

const ROOT = resolve(import.meta.dirname, '..');
const PAGE = join(ROOT, 'renderer');

/** @throws Error that names the option */
function readOptions() {
  const { values } = parseArgs({
    options: {
      replay: { type: 'boolean', default: false },
      port: { type: 'string', default: '5173' },
      'data-dir': { type: 'string' },
    },
  });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`--port takes a whole number from 0 to 65535, not ${values.port}.`);
  return { isReplay: values.replay, port, dataDir: values['data-dir'] };
}

/** Nonce for Vite's inline scripts and styles, which the page's policy would block. Its worker waits for a restart. */
const nonce = randomBytes(18).toString('base64');
const allowVite: Plugin = {
  name: 'flashgrid:allow-vite',
  transformIndexHtml: {
    order: 'pre',
    handler: (html) =>
      html
        .replaceAll(/(script|style)-src 'self'/g, `$& 'nonce-${nonce}'`)
        .replace("base-uri 'none'", '$&; worker-src blob:'),
  },
};

/** Forwards requests to the control centre, with its own address in place of ours and nothing else changed. */
function through(target: URL, ourHosts: () => readonly string[]): ProxyOptions {
  const rename = (outgoing: ClientRequest, { headers }: IncomingMessage): void => {
    if (!ourHosts().includes(headers.host ?? '')) return;
    outgoing.setHeader('host', target.host);
    if (headers.origin === `http://${headers.host}`) outgoing.setHeader('origin', target.origin);
  };
  return {
    target: target.origin,
    configure: (proxy) => proxy.on('proxyReq', rename).on('proxyReqWs', rename),
  };
}

let centre: ServedFrontend | undefined;
let vite: ViteDevServer | undefined;
let ending: Promise<unknown> | undefined;
/** Both at once: a terminal's Ctrl-C reaches the control centre too; one forwarded later would count as a second. */
const end = async (code: number): Promise<void> => {
  ending ??= Promise.allSettled([centre?.close(), vite?.close()]);
  await ending;
  process.exit(code);
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end(0));
// The output's reader may have ended (`| head`); the processes must still be stopped in order.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

try {
  const { isReplay, port: wantedPort, dataDir } = readOptions();
  // The page comes from Vite: nothing of the replay's folder is ever asked for, and it need not be built.
  centre = await (isReplay
    ? serveReplay(undefined, 'renderer')
    : serveApp(dataDir === undefined ? [] : ['--data-dir', dataDir]));
  const target = new URL(centre.url);
  let port = wantedPort;
  const proxy = through(target, () => [`127.0.0.1:${port}`, `localhost:${port}`]);
  vite = await createServer({
    configFile: false,
    root: PAGE,
    cacheDir: join(ROOT, 'node_modules/.vite'),
    plugins: [react(), allowVite],
    html: { cspNonce: nonce },
    clearScreen: false,
    server: {
      host: '127.0.0.1',
      port,
      fs: {
        allow: [PAGE, join(ROOT, 'contract'), join(ROOT, 'services/shared'), join(ROOT, 'node_modules')],
      },
      proxy: { [SOCKET_PATH]: { ...proxy, ws: true }, '^/\\?token=': proxy },
    },
  });
  await vite.listen();
  const address = vite.httpServer?.address() as AddressInfo;
  port = address.port;
  console.log(`Open http://127.0.0.1:${port}/${target.search}\n\nCtrl-C stops the dev server.`);
} catch (error) {
  console.error(`✗ ${error instanceof Error ? error.message : String(error)}`);
  await end(6);
}
