import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type SearchPlaces,
  findHighAvailability,
  findPrograms,
  installHint,
  searchPlaces,
} from './find-programs.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'flashgrid-find-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function program(path: string, says = ''): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), `#!/bin/sh\necho "${says}"\n`);
  chmodSync(join(root, path), 0o755);
}

function places(change: Partial<SearchPlaces> = {}): SearchPlaces {
  return { programDirs: [join(root, 'bin')], rabbitmqDirs: [], postgresDirs: [], ...change };
}

test('the newest Postgres is taken, and only one that has initdb', async () => {
  for (const version of ['9', '15', '17', '18']) {
    program(`pg/${version}/bin/postgres`, `postgres (PostgreSQL) ${version}.2 (Debian)`);
    if (version !== '18') program(`pg/${version}/bin/initdb`);
  }
  const { postgres } = await findPrograms(places({ postgresDirs: [join(root, 'pg')] }));
  expect(postgres).toEqual({ binDir: join(root, 'pg/17/bin'), version: '17.2' });
});

test('a link in PATH leads to the folder that holds initdb, too', async () => {
  program('opt/pg/bin/postgres', 'postgres (PostgreSQL) 16.1');
  program('opt/pg/bin/initdb');
  mkdirSync(join(root, 'bin'));
  symlinkSync(join(root, 'opt/pg/bin/postgres'), join(root, 'bin/postgres'));
  const { postgres } = await findPrograms(places());
  expect(postgres).toEqual({ binDir: join(root, 'opt/pg/bin'), version: '16.1' });
});

test('the newest RabbitMQ of a folder is taken, with the epmd beside its Erlang', async () => {
  for (const version of ['3.9.1', '3.10.8']) {
    program(`lib/rabbitmq_server-${version}/sbin/rabbitmq-server`);
    mkdirSync(join(root, `lib/rabbitmq_server-${version}/plugins/rabbit-${version}`), { recursive: true });
  }
  program('erlang/bin/erl');
  program('erlang/erts-9.0/bin/epmd');
  program('erlang/erts-13.1/bin/epmd');
  const { rabbitmq } = await findPrograms(
    places({ programDirs: [join(root, 'erlang/bin')], rabbitmqDirs: [join(root, 'lib')] }),
  );
  expect(rabbitmq).toEqual({
    home: join(root, 'lib/rabbitmq_server-3.10.8'),
    version: '3.10.8',
    erl: join(root, 'erlang/bin/erl'),
    epmd: join(root, 'erlang/erts-13.1/bin/epmd'),
    erlCall: 'erl_call',
  });
});

test('a RabbitMQ that is only in PATH is found by its link', async () => {
  program('archive/sbin/rabbitmq-server');
  mkdirSync(join(root, 'archive/plugins/rabbit-4.1.0'), { recursive: true });
  program('bin/erl');
  program('bin/epmd');
  symlinkSync(join(root, 'archive/sbin/rabbitmq-server'), join(root, 'bin/rabbitmq-server'));
  expect((await findPrograms(places())).rabbitmq).toMatchObject({
    home: join(root, 'archive'),
    version: '4.1.0',
  });
});

test('RabbitMQ without Erlang is a problem that is named, not a backend', async () => {
  program('rabbit/sbin/rabbitmq-server');
  mkdirSync(join(root, 'rabbit/plugins/rabbit-4.1.0'), { recursive: true });
  const found = await findPrograms(places({ rabbitmqDirs: [join(root, 'rabbit')] }));
  expect(found.rabbitmq).toBeUndefined();
  expect(found.problems.rabbitmq).toMatch(/erl.*missing/);
});

test('valkey serves where there is no redis, and a folder or a plain file is no program', async () => {
  program('bin/valkey-server', 'Server v=8.0.1 sha=0');
  mkdirSync(join(root, 'bin/redis-server'));
  writeFileSync(join(root, 'bin/postgres'), '');
  const found = await findPrograms(places());
  expect(found.redis).toEqual({ server: join(root, 'bin/valkey-server'), version: '8.0.1' });
  expect(found.postgres).toBeUndefined();
});

test('a redis that does not tell its version is a problem', async () => {
  program('bin/redis-server', 'hello');
  expect((await findPrograms(places())).problems.redis).toMatch(/does not answer/);
});

test('PATH and RABBITMQ_HOME come first', () => {
  const { programDirs, rabbitmqDirs } = searchPlaces({ PATH: '/mine:/yours', RABBITMQ_HOME: '/rabbit' });
  expect(programDirs.slice(0, 2)).toEqual(['/mine', '/yours']);
  expect(rabbitmqDirs[0]).toBe('/rabbit');
});

test('a highly available cluster names the packages that it misses, and finds what is there', async () => {
  program('bin/etcd', 'etcd Version: 3.4.23');
  const failure: unknown = await findHighAvailability(places()).catch((error: unknown) => error);
  expect(failure).toMatchObject({
    failure: { code: 'native.backendMissing', fix: expect.stringMatching(/patroni haproxy/) as string },
  });
  program('bin/patroni', 'patroni 3.0.2');
  program('bin/haproxy', 'HAProxy version 2.6.12-1+deb12u3 2025/12/08');
  expect(await findHighAvailability(places())).toMatchObject({
    patroni: { version: '3.0.2' },
    etcd: { version: '3.4.23' },
    haproxy: { program: join(root, 'bin/haproxy'), version: '2.6.12' },
  });
});

test('the hint names every missing package', () => {
  expect(installHint(['redis', 'postgres'])).toMatch(/redis.*postgresql/);
  expect(installHint(['redis'])).not.toMatch(/postgres|rabbit/);
});
