import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { EventHub } from '../control/lib/event-hub.ts';
import { connectRemote } from '../cli/remote-client.ts';
import { startWebServer, type FrontendTarget, type WebServer } from './server.ts';

let dir: string;
let frontend: WebServer;
const hub = new EventHub();
const calls: [string, unknown][] = [];
/** Errors that the frontend met and nobody foresaw: a test that makes one fails. */
const surprises: unknown[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fg-web-'));
  await mkdir(join(dir, 'assets'));
  await writeFile(join(dir, 'index.html'), '<!doctype html><title>FlashGrid</title>');
  await writeFile(join(dir, 'assets/app-1a2b.js'), 'export {};');
  frontend = await startWebServer({
    centre: {
      hub,
      noteSurprise: (error) => surprises.push(error),
      dispatch: (name, input) => {
        calls.push([name, input]);
        return Promise.resolve(
          name === 'sales.listSales'
            ? { ok: true, value: [] }
            : { ok: false, error: { code: 'app.quitting', message: 'no', fix: 'yes' } },
        );
      },
    },
    rendererDir: dir,
    host: '127.0.0.1',
    port: 0,
  });
});

afterAll(async () => {
  await frontend.close();
  await rm(dir, { recursive: true });
});

interface Reply {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

/** Node's own client: `fetch` would not let a test choose the Host header. */
function ask(path: string, headers: Record<string, string> = {}, port = frontend.port): Promise<Reply> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    }).on('error', reject);
  });
}

const centreOf = (): FrontendTarget => ({
  hub: new EventHub(),
  noteSurprise: (error) => surprises.push(error),
  dispatch: () => Promise.resolve({ ok: true, value: [] }),
});

async function session(): Promise<string> {
  const { headers } = await ask(`/?token=${frontend.token}`);
  return String(headers['set-cookie']?.[0]).split(';')[0] ?? '';
}

/** How a WebSocket's opening ends: the HTTP status, or `open`. */
function knock(headers: Record<string, string>, path = '/ws'): Promise<number | 'open'> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${frontend.port}${path}`, { headers });
    socket.on('open', () => {
      socket.close();
      resolve('open');
    });
    socket.on('unexpected-response', (_request, response) => {
      resolve(response.statusCode ?? 0);
      socket.terminate();
    });
    socket.on('error', () => undefined);
  });
}

describe('the browser frontend', () => {
  it('serves nothing without a session, not even its scripts', async () => {
    expect((await ask('/')).status).toBe(401);
    expect((await ask('/assets/app-1a2b.js')).status).toBe(401);
    expect((await ask('/?token=wrong')).status).toBe(401);
  });

  it('opens a session with the token and takes the token out of the address', async () => {
    const { status, headers } = await ask(`/?token=${frontend.token}`);
    expect(status).toBe(303);
    expect(headers['location']).toBe('/');
    expect(headers['set-cookie']?.[0]).toMatch(/HttpOnly; SameSite=Strict/);
    const cookie = await session();
    const page = await ask('/', { cookie });
    expect(page).toMatchObject({ status: 200, body: '<!doctype html><title>FlashGrid</title>' });
    expect(page.headers['content-security-policy']).toContain("script-src 'self'");
    expect(page.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect((await ask('/assets/app-1a2b.js', { cookie })).headers['cache-control']).toContain('immutable');
  });

  it.each(['/../package.json', '/%2e%2e/package.json', '/assets/..%2f..%2fpackage.json', '/nothing'])(
    'has no file at %s',
    async (path) => {
      expect((await ask(path, { cookie: await session() })).status).toBe(404);
    },
  );

  it('refuses a Host that is not its own, so that a rebound name reaches nothing', async () => {
    const cookie = await session();
    expect((await ask('/', { cookie, host: 'evil.example' })).status).toBe(421);
    expect((await ask(`/?token=${frontend.token}`, { host: `evil.example:${frontend.port}` })).status).toBe(
      421,
    );
    expect((await ask('/', { cookie, host: `localhost:${frontend.port}` })).status).toBe(200);
  });

  it('lets only its own page and the terminal open a WebSocket', async () => {
    const cookie = await session();
    const origin = `http://127.0.0.1:${frontend.port}`;
    expect(await knock({ cookie, origin })).toBe('open');
    expect(await knock({ authorization: `Bearer ${frontend.token}` })).toBe('open');
    expect(await knock({ cookie, origin: 'http://evil.example' })).toBe(401);
    expect(await knock({ cookie, origin: `http://127.0.0.1:${frontend.port + 1}` })).toBe(401);
    expect(await knock({ cookie, origin: 'null' })).toBe(401);
    expect(await knock({ origin })).toBe(401);
    expect(await knock({ cookie })).toBe(401);
    // A page that learnt the token still can't take the terminal's way: browsers always send an Origin.
    expect(await knock({ authorization: `Bearer ${frontend.token}`, origin: 'http://evil.example' })).toBe(
      401,
    );
    expect(await knock({ cookie, origin, host: 'evil.example' })).toBe(403);
    expect(await knock({ cookie, origin }, '/other')).toBe(403);
  });

  it('answers what is no request, and goes on', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${frontend.port}/ws`, {
      headers: { authorization: `Bearer ${frontend.token}` },
    });
    const replies: unknown[] = [];
    socket.on('message', (data) => replies.push(JSON.parse(String(data))));
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send('{nonsense');
    socket.send(JSON.stringify({ id: 1, command: 'sales.listSales', input: {} }));
    await expect
      .poll(() => replies)
      .toEqual([
        { id: -1, result: { ok: false, error: expect.objectContaining({ code: 'wire.badRequest' }) } },
        { id: 1, result: { ok: true, value: [] } },
      ]);
    socket.close();
  });
});

describe('the remote client', () => {
  it('calls commands, hears events and notices the end', async () => {
    const client = await connectRemote(frontend);
    expect(await client.call('sales.listSales', {})).toEqual({ ok: true, value: [] });
    expect(await client.call('app.quit', {})).toMatchObject({ ok: false, error: { code: 'app.quitting' } });
    const heard: number[] = [];
    client.on('app.quitting', ({ seq }) => heard.push(seq));
    hub.emit('app.quitting', {});
    await expect.poll(() => heard).toEqual([hub.seq]);
    client.close();
    await expect(client.lost).rejects.toThrow('lost');
    expect(await client.call('sales.listSales', {})).toMatchObject({
      ok: false,
      error: { code: 'client.lost' },
    });
  });

  it('says so when nothing answers', async () => {
    await expect(connectRemote({ host: '127.0.0.1', port: 1, token: 'x' })).rejects.toMatchObject({
      failure: { code: 'remote.noAnswer' },
    });
  });
});

describe('a second frontend', () => {
  it('on all addresses answers to each of this machine, and to no name', async () => {
    const open = await startWebServer({ centre: centreOf(), rendererDir: dir, host: '0.0.0.0', port: 0 });
    onTestFinished(() => open.close());
    const addresses = Object.values(networkInterfaces()).flatMap((all) =>
      (all ?? []).filter(({ family }) => family === 'IPv4'),
    );
    expect(addresses.length).toBeGreaterThan(0);
    for (const { address } of addresses)
      expect((await ask('/', { host: `${address}:${open.port}` }, open.port)).status).toBe(401);
    expect((await ask('/', { host: `rebound.example:${open.port}` }, open.port)).status).toBe(421);
    expect((await ask('/', { host: `203.0.113.9:${open.port}` }, open.port)).status).toBe(421);
  });

  const hasIPv6 = Object.values(networkInterfaces()).some((all) =>
    all?.some(({ address }) => address === '::1'),
  );
  it.skipIf(!hasIPv6).each(['::1', '0::1', '::', '0.0.0.0', 'localhost'])(
    'on %s gives an address that a browser and the terminal reach',
    async (host) => {
      const other = await startWebServer({ centre: centreOf(), rendererDir: dir, host, port: 0 });
      onTestFinished(() => other.close());
      const opened = await fetch(other.url, { redirect: 'manual' });
      expect([opened.status, opened.headers.get('location')]).toEqual([303, '/']);
      const client = await connectRemote(other);
      expect(await client.call('sales.listSales', {})).toMatchObject({ ok: true });
      client.close();
    },
  );

  it('names the option when this machine has no such address', async () => {
    const opening = startWebServer({ centre: centreOf(), rendererDir: dir, host: '192.0.2.1', port: 0 });
    await expect(opening).rejects.toMatchObject({ failure: { code: 'web.noSuchHost', field: 'host' } });
  });

  it('has a session of its own beside the first one’s in the same browser', async () => {
    const other = await startWebServer({ centre: centreOf(), rendererDir: dir, host: '127.0.0.1', port: 0 });
    onTestFinished(() => other.close());
    const first = await session();
    const { headers } = await ask(`/?token=${other.token}`, {}, other.port);
    const second = String(headers['set-cookie']?.[0]).split(';')[0] ?? '';
    const cookie = `${first}; ${second}`;
    expect(first.split('=')[0]).not.toBe(second.split('=')[0]);
    expect((await ask('/', { cookie })).status).toBe(200);
    expect((await ask('/', { cookie }, other.port)).status).toBe(200);
  });
});
