/** What the built command makes of its surroundings: an old Node.js, empty values, a standard output that a program reads. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { temporaryDataDir } from '../support/terminal.ts';

const CLI = resolve(import.meta.dirname, '../../out/main/cli.js');
/** Any other Node.js can't be had here: this one says that it is older. */
const AS_NODE_18 = `data:text/javascript,${encodeURIComponent(
  "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.8' } });",
)}`;

let dataDir: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: dataDir, remove } = await temporaryDataDir());
});
afterAll(() => remove());

function flashgrid(args: readonly string[], env: Record<string, string> = {}, nodeArgs: string[] = []) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...nodeArgs, CLI, ...args], {
    env: { ...process.env, FLASHGRID_HOME: dataDir, ...env },
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect(stderr).not.toMatch(/\n\s+at /);
  return { status, stdout, stderr };
}

describe('flashgrid', () => {
  it('says which Node.js it needs when that one is too old', () => {
    const { status, stderr } = flashgrid(['status'], {}, ['--import', AS_NODE_18]);
    expect(status).toBe(6);
    const { engines } = z
      .object({ engines: z.object({ node: z.string() }) })
      .parse(JSON.parse(readFileSync(resolve(import.meta.dirname, '../../package.json'), 'utf8')));
    expect(stderr).toContain(`needs Node.js ${engines.node.replace('>=', '')} or newer; this is 18.20.8`);
  });

  it.each<[string, string[], Record<string, string>]>([
    ['--data-dir', ['down', '--reset', '--data-dir', ''], {}],
    ['FLASHGRID_HOME', ['down', '--reset'], { FLASHGRID_HOME: '' }],
    ['FLASHGRID_HOME', ['status'], { FLASHGRID_HOME: '~/x' }],
    ['--host', ['serve', '--host', ''], {}],
    ['--json', ['demo', '--json', '/proc/no/such'], {}],
  ])('refuses a %s that can not be meant, before it does anything: %j', (name, args, env) => {
    const { status, stderr } = flashgrid(args, env);
    expect([status, stderr]).toEqual([2, expect.stringContaining(name)]);
  });

  it('says so when the data folder is a file', () => {
    const file = join(dataDir, 'a-file');
    writeFileSync(file, '');
    for (const command of ['report', 'up', 'demo']) {
      const { status, stderr } = flashgrid([command, '--data-dir', file]);
      expect([status, stderr.replaceAll(/\s+/g, ' ')]).toEqual([
        6,
        expect.stringContaining(`${file} is a file`),
      ]);
    }
  });

  it('writes JSON alone to the standard output for `--json -`', () => {
    const { stdout, stderr } = flashgrid(['doctor', '--json', '-']);
    expect(JSON.parse(stdout)).toEqual(expect.arrayContaining([expect.objectContaining({ id: 'node' })]));
    expect(stderr).toContain('Node.js');
  });
});
