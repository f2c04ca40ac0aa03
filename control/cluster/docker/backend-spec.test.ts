import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { settingsSchema } from '../../../contract/settings.ts';
import { ClusterFile } from './cluster-file.ts';
import {
  configHash,
  dataPath,
  dataVersion,
  backendSpecs,
  imageName,
  type DockerSettings,
} from './backend-spec.ts';

const image = { id: 'sha256:1', volumes: ['/var/lib/postgresql'], env: ['PG_MAJOR=18'] };

function file(): ClusterFile {
  const folder = mkdtempSync(join(tmpdir(), 'flashgrid-spec-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return ClusterFile.open(folder, 'test');
}

const settings = (): DockerSettings => settingsSchema.parse({});

test('an image is taken from the registry that is set', () => {
  expect(imageName('', 'redis:8-alpine')).toBe('redis:8-alpine');
  expect(imageName(' mirror.example/hub/ ', 'redis:8-alpine')).toBe('mirror.example/hub/redis:8-alpine');
});

test('the images of the settings are the official ones, pinned to a major version', () => {
  expect(backendSpecs(settings(), file()).map((spec) => spec.image)).toEqual([
    'rabbitmq:4-management-alpine',
    'redis:8-alpine',
    'postgres:18-alpine',
  ]);
});

test('passwords are in files only: never in environment or command, which everybody who inspects a container reads', () => {
  const kept = file();
  for (const spec of backendSpecs(settings(), kept)) {
    const secret = kept.password(spec.role);
    expect(JSON.stringify([spec.env, spec.command])).not.toContain(secret);
    expect(spec.files.some(({ text }) => text.includes(secret))).toBe(true);
  }
});

test('data lies where the image keeps it: Postgres moved it with version 18', () => {
  expect(dataPath('postgres', image)).toBe('/var/lib/postgresql');
  expect(dataPath('postgres', { ...image, volumes: ['/var/lib/postgresql/data'] })).toBe(
    '/var/lib/postgresql/data',
  );
  expect(dataVersion('postgres', image)).toBe('postgres-18');
  expect(dataVersion('redis', image)).toBe('redis');
});

test('the hash changes with image, limits, password and ports, and with nothing else', () => {
  const kept = file();
  const hashOf = (change: Partial<DockerSettings>, from = kept, facts = image): string[] =>
    backendSpecs({ ...settings(), ...change }, from).map((spec) => configHash(spec, facts));
  const usual = hashOf({});
  expect(hashOf({})).toEqual(usual);
  const changed = [
    hashOf({ limits: { memoryMb: 1_024, cpus: 0 } }),
    hashOf({ limits: { memoryMb: 2_048, cpus: 1 } }),
    hashOf({ ports: { first: 1, last: 2 } }),
    hashOf({ backendPorts: { rabbitmq: 15_672, redis: 16_379, postgres: 15_432 } }),
    hashOf({}, file()),
    hashOf({}, kept, { ...image, id: 'sha256:2' }),
  ];
  for (const other of changed)
    for (const [index, hash] of other.entries()) expect(hash).not.toBe(usual[index]);
});

test('a backend gets the port that was chosen for it, and any free one otherwise', () => {
  const specs = backendSpecs(
    { ...settings(), backendPorts: { rabbitmq: 0, redis: 16_379, postgres: 0 } },
    file(),
  );
  expect(Object.fromEntries(specs.map(({ role, hostPorts }) => [role, hostPorts]))).toEqual({
    rabbitmq: '',
    redis: '16379',
    postgres: '',
  });
});
