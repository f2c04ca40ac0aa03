import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { registryAuth, registryOf } from './registry-auth.ts';
import type { Surroundings } from './places.ts';

function home(config: unknown): Surroundings {
  const path = mkdtempSync(join(tmpdir(), 'flashgrid-home-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  mkdirSync(join(path, '.docker'));
  writeFileSync(
    join(path, '.docker/config.json'),
    typeof config === 'string' ? config : JSON.stringify(config),
  );
  return { env: {}, home: path, platform: 'linux' };
}

test.each([
  ['redis:8', 'https://index.docker.io/v1/'],
  ['library/redis:8', 'https://index.docker.io/v1/'],
  ['docker.io/library/redis', 'https://index.docker.io/v1/'],
  ['registry.example/team/redis@sha256:abc', 'registry.example'],
  ['localhost/redis', 'localhost'],
  ['127.0.0.1:5000/redis', '127.0.0.1:5000'],
])('the registry of %s is %s', (image, registry) => {
  expect(registryOf(image)).toBe(registry);
});

test('a login of the configuration file is used for its registry only', async () => {
  const auth = Buffer.from('me:se:cret').toString('base64');
  const around = home({ auths: { 'registry.example': { auth } } });
  expect(await registryAuth('registry.example/a', around)).toEqual({
    username: 'me',
    password: 'se:cret',
    serveraddress: 'registry.example',
  });
  expect(await registryAuth('redis:8', around)).toBeUndefined();
});

test('a login of a helper program is used, and a helper that fails or is missing means no login', async () => {
  const around = home({ credHelpers: { 'registry.example': 'test', 'gone.example': 'absent' } });
  const helper = join(around.home, 'docker-credential-test');
  writeFileSync(helper, '#!/bin/sh\nread registry\nprintf \'{"Username":"%s","Secret":"s"}\' "$registry"\n');
  chmodSync(helper, 0o755);
  vi.stubEnv('PATH', `${around.home}${delimiter}${process.env['PATH'] ?? ''}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(await registryAuth('registry.example/a', around)).toMatchObject({
    username: 'registry.example',
    password: 's',
  });
  expect(await registryAuth('gone.example/a', around)).toBeUndefined();
});

test('a damaged configuration file means no login', async () => {
  expect(await registryAuth('redis', home('{'))).toBeUndefined();
});
