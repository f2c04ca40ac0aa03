import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { serviceUser } from './service-user.ts';

const USER = { name: 'nobody', uid: 65_534, gid: 65_534 };

test('child processes run as the user that can reach them, else as before, and say why', () => {
  const dir = mkdtempSync(join(tmpdir(), 'flashgrid-service-user-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  chmodSync(dir, 0o755);
  const module = join(dir, 'inner', 'worker.js');
  mkdirSync(join(dir, 'inner'), { mode: 0o700 });
  writeFileSync(module, '');
  expect(serviceUser('services', [module], () => USER)).toMatchObject({
    user: undefined,
    note: expect.stringContaining('o+x') as string,
  });
  chmodSync(join(dir, 'inner'), 0o755);
  expect(serviceUser('services', [module], () => USER)).toEqual({ user: USER });
  expect(serviceUser('services', [module], () => undefined)).toEqual({ user: undefined });
  const fails = () => {
    throw new Error('no user');
  };
  expect(serviceUser('load generators', [module], fails).note).toBe(
    'The load generators run as root: no user.',
  );
});
