import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FailureError } from '../../../contract/failure.ts';
import { BackendFolder, removeAsOwner } from './backend-folder.ts';

const USER = { name: 'nobody', uid: 65_534, gid: 65_534 };

describe.runIf(process.getuid?.() === 0)("a backend's folder under root", () => {
  let home = '';
  let victim = '';
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'flashgrid-folder-'));
    chmodSync(home, 0o755);
    victim = join(home, 'victim');
    writeFileSync(victim, "root's own", { mode: 0o600 });
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  const expectUnharmed = () => {
    expect(readFileSync(victim, 'utf8')).toBe("root's own");
    const { uid, mode } = statSync(victim);
    expect([uid, mode & 0o777]).toEqual([0, 0o600]);
  };

  test('gives its data away and keeps the rest, whoever had it before', () => {
    const folder = new BackendFolder(join(home, 'postgres'), USER);
    // As an earlier FlashGrid left it: all of it the user's, who put links where root would write.
    mkdirSync(folder.path('data-15'), { recursive: true });
    for (const path of [folder.dir, folder.path('data-15')]) chownSync(path, USER.uid, USER.gid);
    for (const name of ['postgresql.conf', 'password', 'data-15.new']) symlinkSync(victim, folder.path(name));
    folder.prepare();
    folder.giveFolder('data-15');
    folder.write('postgresql.conf', 'port = 1');
    folder.write('password', 'x');
    folder.removeFolder('data-15.new');
    folder.giveFolder('data-15.new');
    expect(readFileSync(folder.path('postgresql.conf'), 'utf8')).toBe('port = 1');
    expect(statSync(folder.dir).uid).toBe(0);
    for (const name of ['postgresql.conf', 'data-15', 'data-15.new'])
      expect(statSync(folder.path(name)).uid, name).toBe(USER.uid);
    expectUnharmed();
  });

  test('hands over what an earlier one ran as root, links as links', () => {
    const folder = new BackendFolder(join(home, 'redis'), USER);
    mkdirSync(folder.path('data/inner'), { recursive: true });
    writeFileSync(folder.path('data/inner/file'), 'x');
    symlinkSync(victim, folder.path('data/link'));
    folder.prepare();
    folder.giveFolder('data');
    expect(statSync(folder.path('data/inner/file')).uid).toBe(USER.uid);
    expectUnharmed();
  });

  test('says so when a link or a stranger’s folder stands where its data belong', () => {
    const folder = new BackendFolder(join(home, 'redis'), USER);
    folder.prepare();
    symlinkSync(home, folder.path('data'));
    expect(() => folder.giveFolder('data')).toThrow(FailureError);
    mkdirSync(folder.path('other'));
    chownSync(folder.path('other'), 12_345, 12_345);
    expect(() => folder.giveFolder('other')).toThrow(/belongs to another user/);
    const linked = new BackendFolder(join(home, 'linked'), USER);
    symlinkSync(home, linked.dir);
    expect(() => linked.prepare()).toThrow(/not a folder/);
  });

  test('reads no link and no pipe of the user', () => {
    const folder = new BackendFolder(join(home, 'postgres'), USER);
    folder.prepare();
    symlinkSync(victim, folder.path('postmaster.pid'));
    expect(folder.readSmall(folder.path('postmaster.pid'))).toBeUndefined();
    expect(folder.readSmall(folder.path('missing'))).toBeUndefined();
  });

  test('removes a folder without leaving it through a link', () => {
    const folder = new BackendFolder(join(home, 'postgres'), USER);
    folder.prepare();
    const data = folder.giveFolder('data-15');
    const outside = join(home, 'outside');
    mkdirSync(outside);
    renameSync(victim, join(outside, 'victim'));
    symlinkSync(outside, join(data, 'link'));
    writeFileSync(join(data, 'file'), '');
    chownSync(join(data, 'file'), USER.uid, USER.gid);
    removeAsOwner(folder.dir);
    expect(existsSync(folder.dir)).toBe(false);
    renameSync(join(outside, 'victim'), victim);
    expectUnharmed();
  });
});
