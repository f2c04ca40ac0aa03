import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync, chmodSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { dockerFindings } from './findings.ts';
import { findDockerDaemon } from './find-daemon.ts';
import { daemonPlaces, placeOf, type Surroundings } from './places.ts';

const DOCKER = {
  Version: '28.1.0',
  ApiVersion: '1.49',
  Os: 'linux',
  Components: [{ Name: 'Engine', Version: '28.1.0' }],
};

/**
 * A home of its own, so that the machine's real daemons are never met: only DOCKER_HOST and contexts lead
 * anywhere.
 */
function home(env: NodeJS.ProcessEnv = {}): Surroundings {
  const path = mkdtempSync(join(tmpdir(), 'fg-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return { env: { XDG_RUNTIME_DIR: join(path, 'run'), ...env }, home: path, platform: 'linux', uid: 12_345 };
}

/** Something that speaks HTTP on a socket. */
async function listen(path: string, listener: RequestListener): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
}

const answering =
  (body: unknown): RequestListener =>
  (request, response) => {
    response.statusCode = request.url === '/version' ? 200 : 404;
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  };

/** Looks at one address only. */
async function lookAt(where: string, timeoutMs = 2_000): ReturnType<typeof findDockerDaemon> {
  return await findDockerDaemon({ timeoutMs, around: home({ DOCKER_HOST: where }) });
}

async function attemptAt(
  where: string,
  timeoutMs?: number,
): Promise<{ why: string | undefined; code: string; fix: string; message: string }> {
  const result = await lookAt(where, timeoutMs);
  if (result.found) throw new Error('found one');
  return { why: result.tried[0]?.why, ...result.failure };
}

test('a daemon that answers is found, with its version and kind', async () => {
  const { home: path } = home();
  await listen(join(path, 'd.sock'), answering(DOCKER));
  await listen(
    join(path, 'p.sock'),
    answering({ ...DOCKER, Version: '5.4.0', Components: [{ Name: 'Podman Engine', Version: '5.4.0' }] }),
  );
  expect((await lookAt(`unix://${path}/d.sock`)).found).toMatchObject({
    version: '28.1.0',
    kind: 'docker',
    where: `unix://${path}/d.sock`,
  });
  expect((await lookAt(`unix://${path}/p.sock`)).found).toMatchObject({ version: '5.4.0', kind: 'podman' });
});

test('a daemon that is absent, refuses, hangs, or is something else is told as just that, with what to do', async () => {
  const { home: path } = home();
  const absent = await attemptAt(`unix://${path}/none.sock`);
  expect(absent).toMatchObject({ why: 'absent', code: 'docker.notFound' });
  expect(absent.fix).toContain('unset DOCKER_HOST');

  expect(await attemptAt('tcp://127.0.0.1:1')).toMatchObject({ why: 'refused', code: 'docker.notRunning' });

  await listen(join(path, 'hang.sock'), () => undefined);
  const startedAtMs = Date.now();
  const hanging = await attemptAt(`unix://${path}/hang.sock`, 200);
  expect(hanging).toMatchObject({ why: 'timeout', code: 'docker.timeout' });
  expect(hanging.fix).toContain('restart Docker');
  expect(Date.now() - startedAtMs).toBeLessThan(5_000);

  await listen(join(path, 'web.sock'), answering({ hello: 'world' }));
  expect(await attemptAt(`unix://${path}/web.sock`)).toMatchObject({ why: 'notADaemon' });
  await listen(join(path, 'old.sock'), answering({ ...DOCKER, ApiVersion: '1.9' }));
  expect(await attemptAt(`unix://${path}/old.sock`)).toMatchObject({
    why: 'unsupported',
    code: 'docker.unsupported',
  });
  await listen(join(path, 'win.sock'), answering({ ...DOCKER, Os: 'windows' }));
  expect((await attemptAt(`unix://${path}/win.sock`)).fix).toContain('Linux containers');
});

test('a socket without permission is told as such, with the command that gives it', async () => {
  const around = home();
  const socket = join(around.home, 'closed.sock');
  await listen(socket, answering(DOCKER));
  chmodSync(socket, 0o600);
  chmodSync(around.home, 0o755);
  const asRoot = process.getuid?.() === 0;
  if (!asRoot) chmodSync(socket, 0o000);
  // Root may do everything: for as long as it looks it is nobody.
  if (asRoot) process.seteuid?.(65_534);
  try {
    const result = await findDockerDaemon({
      timeoutMs: 2_000,
      around: { ...around, env: { DOCKER_HOST: `unix://${socket}` } },
    });
    expect(result.found).toBeUndefined();
    expect(result.tried[0]?.why).toBe('noPermission');
    if (!result.found) expect(result.failure).toMatchObject({ code: 'docker.noPermission' });
    if (!result.found) expect(result.failure.fix).toContain('usermod -aG docker');
  } finally {
    if (asRoot) process.seteuid?.(0);
  }
});

test('the current context is looked at first, then the usual sockets; every place that was tried is listed', async () => {
  const around = home();
  const id = createHash('sha256').update('mine').digest('hex');
  const meta = join(around.home, '.docker/contexts/meta', id);
  mkdirSync(meta, { recursive: true });
  writeFileSync(join(around.home, '.docker/config.json'), JSON.stringify({ currentContext: 'mine' }));
  const socket = join(around.home, 'context.sock');
  writeFileSync(
    join(meta, 'meta.json'),
    JSON.stringify({ Name: 'mine', Endpoints: { docker: { Host: `unix://${socket}` } } }),
  );
  const places = daemonPlaces(around);
  expect(places[0]).toMatchObject({ where: `unix://${socket}`, source: 'docker context mine' });
  expect(places.map(({ source }) => source)).toEqual(
    expect.arrayContaining([
      'Docker',
      'Docker (rootless)',
      'Docker Desktop',
      'Colima',
      'Rancher Desktop',
      'Podman',
      'Podman (rootless)',
    ]),
  );
  await listen(socket, answering(DOCKER));
  expect((await findDockerDaemon({ around })).found?.where).toBe(`unix://${socket}`);
  // Without it, the next that answers is taken; a context that can't be read is no reason to give up.
  rmSync(join(meta, 'meta.json'));
  await listen(join(around.home, '.colima/default/docker.sock'), answering(DOCKER));
  const result = await findDockerDaemon({ around });
  expect(result.tried[0]).toMatchObject({ source: 'docker context mine', why: 'unsupported' });
  // The machine's own Docker may answer before it.
  expect(
    ['Docker', 'Colima'].some(
      (name) => daemonPlaces(around).find(({ where }) => where === result.found?.where)?.source === name,
    ),
  ).toBe(true);
});

test('addresses mean what they say, whatever DOCKER_HOST holds', () => {
  expect(placeOf('unix:///a.sock', 't').options).toMatchObject({ socketPath: '/a.sock', host: undefined });
  expect(placeOf('npipe:////./pipe/docker_engine', 't').options).toMatchObject({
    socketPath: '//./pipe/docker_engine',
  });
  expect(placeOf('127.0.0.1:2375', 't').options).toMatchObject({
    host: '127.0.0.1',
    port: '2375',
    protocol: 'http',
  });
  expect(placeOf('tcp://10.0.0.1:2375', 't').problem).toContain('another machine');
  expect(placeOf('ssh://me@host', 't').problem).toContain('ssh');
  expect(placeOf('nonsense://x', 't').problem).toContain('not one of');
});

test('Windows is asked at its pipes', () => {
  const places = daemonPlaces({ env: {}, home: 'C:\\Users\\me', platform: 'win32' });
  expect(places.map(({ where }) => where)).toContain('npipe:////./pipe/docker_engine');
});

test('the doctor says what was found, or each place that was tried and what to do', async () => {
  const { home: path } = home();
  await listen(join(path, 'd.sock'), answering(DOCKER));
  expect(await dockerFindings(lookAt(`unix://${path}/d.sock`))).toMatchObject([
    { status: 'ok', version: '28.1.0', path: `unix://${path}/d.sock` },
  ]);
  const [missing] = await dockerFindings(lookAt(`unix://${path}/none.sock`));
  expect(missing).toMatchObject({ status: 'missing' });
  expect(missing?.detail).toContain(`unix://${path}/none.sock (DOCKER_HOST): not there`);
  expect(missing?.fix).toBeDefined();
});
