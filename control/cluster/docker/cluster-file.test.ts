import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FailureError } from '../../../contract/failure.ts';
import { ClusterFile } from './cluster-file.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'flashgrid-file-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('passwords are made once, differ, and only their owner may read them', () => {
  const dir = join(folder(), 'new', 'deep');
  const made = ClusterFile.open(dir, 'one');
  const roles = ['rabbitmq', 'redis', 'postgres'] as const;
  expect(new Set(roles.map((role) => made.password(role))).size).toBe(3);
  expect(statSync(join(dir, 'docker-cluster.json')).mode & 0o777).toBe(0o600);
  const again = ClusterFile.open(dir, 'one');
  for (const role of roles) expect(again.password(role)).toBe(made.password(role));
  expect(made.passwordHash('redis')).not.toContain(made.password('redis'));
});

test('what was proven stays proven, for that very volume only', () => {
  const dir = folder();
  ClusterFile.open(dir, 'one').setProven('redis', 'first');
  const again = ClusterFile.open(dir, 'one');
  expect(again.isProven('redis', 'first')).toBe(true);
  expect(again.isProven('redis', 'second')).toBe(false);
  expect(again.isProven('postgres', 'first')).toBe(false);
});

test.each(['', '{', '{"schema":"flashgrid.docker/1"}'])(
  'a damaged file (%j) is told, and left as it is',
  (text) => {
    const dir = folder();
    const path = join(dir, 'docker-cluster.json');
    writeFileSync(path, text);
    expect(() => ClusterFile.open(dir, 'one')).toThrow(FailureError);
    expect(readFileSync(path, 'utf8')).toBe(text);
  },
);

test('the file of another cluster is not taken', () => {
  const dir = folder();
  ClusterFile.open(dir, 'one');
  expect(() => ClusterFile.open(dir, 'two')).toThrow(/belongs to another cluster/);
});
