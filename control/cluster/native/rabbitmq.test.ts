import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { dependenciesOf, leaderTold, leanLibraries } from './rabbitmq.ts';

let libs = '';
beforeEach(() => {
  libs = mkdtempSync(join(tmpdir(), 'flashgrid-libs-'));
});
afterEach(() => rmSync(libs, { recursive: true, force: true }));

function library(name: string, version: string, dependencies: readonly string[]): void {
  const ebin = join(libs, `${name}-${version}`, 'ebin');
  mkdirSync(ebin, { recursive: true });
  const list = dependencies.join(',\n   ');
  writeFileSync(
    join(ebin, `${name}.app`),
    `{application, '${name}', [\n {applications, [${list}]},\n {env, []}]}.\n`,
  );
}

test('dependencies are read in every form in which an application names them', () => {
  const text = `{application, x, [{applications,[kernel, 'stdlib',\n ra]}, {included_applications, []}, {optional_applications,[khepri]}]}.`;
  expect(dependenciesOf(text)).toEqual(['kernel', 'stdlib', 'ra', 'khepri']);
});

test('only what rabbit depends on, at whatever depth, is taken', () => {
  library('rabbit', '3.10.8', ['kernel', 'rabbit_common', 'ra']);
  library('rabbit_common', '3.10.8', ['recon']);
  library('ra', '2.2.0', ['aten', 'ra']);
  library('aten', '0.5.8', []);
  library('recon', '2.5.2', []);
  library('rabbitmq_management', '3.10.8', ['rabbit', 'cowboy']);
  library('cowboy', '2.8.0', []);
  writeFileSync(join(libs, 'README'), '');
  expect(leanLibraries(libs)).toEqual([
    'aten-0.5.8',
    'ra-2.2.0',
    'rabbit-3.10.8',
    'rabbit_common-3.10.8',
    'recon-2.5.2',
  ]);
});

test('a package that is laid out otherwise is left as it is', () => {
  expect(leanLibraries(join(libs, 'missing'))).toBeUndefined();
  expect(leanLibraries(libs)).toBeUndefined();
  library('rabbit', '3.6.0', ['rabbit_common']);
  writeFileSync(join(libs, 'rabbit_common-3.6.0.ez'), 'an archive');
  expect(leanLibraries(libs)).toBeUndefined();
});

test('who leads is told by a node that sees a majority, and not by one that is cut off', () => {
  // As `erl_call` prints it.
  const answer = (seen: readonly number[]) =>
    `{ok, {[${seen.map((node) => `'rabbitmq-${node}@localhost'`).join(', ')}], [{'%2F_fg.reservations.dead', {'%2F_fg.reservations.dead', 'rabbitmq-3@localhost'}, [x]}, {'%2F_fg.frames', {'%2F_fg.frames', 'rabbitmq-1@localhost'}, [{'%2F_fg.frames', 'rabbitmq-2@localhost'}]}]}}`;
  expect(leaderTold(answer([2, 3]), 3)).toBe('rabbitmq-1');
  expect(leaderTold(answer([2]), 3)).toBe('rabbitmq-1');
  expect(leaderTold(answer([]), 3)).toBeUndefined();
  // Neither half of four knows.
  expect(leaderTold(answer([2]), 4)).toBeUndefined();
  expect(leaderTold(`{ok, {['rabbitmq-2@localhost'], []}}`, 3)).toBeUndefined();
  expect(leaderTold(`{error, "*** eval: {'EXIT', {badarg, [{ets, match_object, []}]}}"}`, 3)).toBeUndefined();
});
