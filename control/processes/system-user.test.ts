import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { blockedFolder, parsePasswd, unprivilegedUser } from './system-user.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'flashgrid-user-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const PASSWD =
  '# comment\nroot:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\npostgres:x:101:104::/:/bin/sh\n';

test('users are read from a passwd file', () => {
  expect(parsePasswd(PASSWD).map((user) => user.name)).toEqual(['root', 'nobody', 'postgres']);
});

test.runIf(process.getuid?.() === 0)(
  "root takes FlashGrid's own user, created when missing, else Postgres', else nobody, and never root",
  () => {
    const path = join(dir, 'passwd');
    const cannot = () => undefined;
    writeFileSync(path, PASSWD);
    expect(unprivilegedUser(path, cannot)).toEqual({ name: 'postgres', uid: 101, gid: 104 });
    const own = `${PASSWD}flashgrid:x:998:997::/:/bin/false\n`;
    expect(unprivilegedUser(path, () => writeFileSync(path, own))).toEqual({
      name: 'flashgrid',
      uid: 998,
      gid: 997,
    });
    writeFileSync(path, 'nobody:x:65534:65534::/:/bin/false\n');
    expect(unprivilegedUser(path, cannot)?.name).toBe('nobody');
    writeFileSync(path, 'postgres:x:0:0::/:/bin/sh\n');
    expect(() => unprivilegedUser(path, cannot)).toThrow(/none of/);
  },
);

test('the first folder that shuts a user out is named', () => {
  const stranger = { name: 'stranger', uid: 12_345, gid: 12_345 };
  chmodSync(dir, 0o755);
  mkdirSync(join(dir, 'open', 'closed', 'inner'), { recursive: true });
  chmodSync(join(dir, 'open', 'closed'), 0o700);
  expect(blockedFolder(join(dir, 'open', 'closed', 'inner'), stranger)).toBe(join(dir, 'open', 'closed'));
  expect(blockedFolder(join(dir, 'open'), stranger)).toBeUndefined();
  const owner = { name: 'me', uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  expect(blockedFolder(join(dir, 'open', 'closed', 'inner'), owner)).toBeUndefined();
});
