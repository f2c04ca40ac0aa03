import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { closedFolder, dataFolder } from './data-folder.ts';

test.skipIf(process.platform === 'win32')('folders are closed to others, also those that were open', () => {
  const home = mkdtempSync(join(tmpdir(), 'flashgrid-closed-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const modeOf = (path: string) => statSync(path).mode & 0o777;
  closedFolder(join(home, 'a', 'runs'));
  expect(modeOf(join(home, 'a', 'runs'))).toBe(0o700);
  chmodSync(home, 0o755);
  closedFolder(home);
  expect(modeOf(home)).toBe(0o700);
  dataFolder(join(home, 'data'));
  expect(modeOf(join(home, 'data'))).toBe(process.getuid?.() === 0 ? 0o711 : 0o700);
});

test.each(['below/a-file/x', '/proc/no/such'])(
  'a folder that can not be made ends in a word, at %s',
  (name) => {
    const home = mkdtempSync(join(tmpdir(), 'flashgrid-folder-'));
    onTestFinished(() => rmSync(home, { recursive: true, force: true }));
    mkdirSync(join(home, 'below'));
    writeFileSync(join(home, 'below', 'a-file'), '');
    expect(() => dataFolder(name.startsWith('/') ? name : join(home, name))).toThrow(
      /data folder .* can't be used/,
    );
  },
);
