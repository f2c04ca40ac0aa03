import { chmodSync, mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { couldNotStart, findElectron, readStartArgs, whyNoWindow } from './choose-frontend.mjs';

const linux = { platform: 'linux', env: { DISPLAY: ':0' }, uid: 1000, args: [] };

describe('whyNoWindow', () => {
  it('opens a window on a Linux desktop, with X or Wayland', () => {
    expect(whyNoWindow(linux)).toBeUndefined();
    expect(whyNoWindow({ ...linux, env: { WAYLAND_DISPLAY: 'wayland-0' } })).toBeUndefined();
  });
  it('says that there is no display', () => {
    expect(whyNoWindow({ ...linux, env: {} })).toContain('no display');
  });
  it('does not give up the sandbox to run as root', () => {
    expect(whyNoWindow({ ...linux, uid: 0 })).toContain('root');
  });
  it('needs neither DISPLAY nor a uid on other systems', () => {
    expect(whyNoWindow({ platform: 'darwin', env: {}, uid: 501, args: [] })).toBeUndefined();
    expect(whyNoWindow({ platform: 'win32', env: {}, uid: undefined, args: [] })).toBeUndefined();
  });
  it('takes the browser when asked', () => {
    expect(whyNoWindow({ ...linux, args: ['--browser'] })).toContain('asked');
  });
});

describe('findElectron', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'fg-electron-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const program = (path: string) => {
    writeFileSync(path, '');
    chmodSync(path, 0o755);
  };

  it('finds nothing before the package has fetched it', () => {
    expect(findElectron(dir, {})).toBeUndefined();
  });
  it('does not take a download that was broken off', () => {
    writeFileSync(join(dir, 'path.txt'), 'electron');
    expect(findElectron(dir, {})).toBeUndefined();
  });
  it('finds what the package has fetched', () => {
    mkdirSync(join(dir, 'dist'));
    program(join(dir, 'dist/electron'));
    writeFileSync(join(dir, 'path.txt'), 'electron');
    expect(findElectron(dir, {})).toBe(join(dir, 'dist/electron'));
  });
  it('takes the distribution that the environment names', () => {
    program(join(dir, 'electron'));
    expect(findElectron('/nowhere', { ELECTRON_OVERRIDE_DIST_PATH: dir })).toBe(join(dir, 'electron'));
  });
});

describe('readStartArgs', () => {
  it('keeps its own options from the browser frontend', () => {
    expect(readStartArgs(['--browser', '--port', '80', '--yes'])).toEqual({
      serveArgs: ['--port', '80'],
      dataDir: undefined,
    });
  });
  it('reads the data folder in both spellings', () => {
    expect(readStartArgs(['--data-dir', '/a']).dataDir).toBe('/a');
    expect(readStartArgs(['--data-dir=/b']).dataDir).toBe('/b');
  });
});

describe('couldNotStart', () => {
  it('knows a missing sandbox, library or display by its early end', () => {
    expect(couldNotStart({ code: null, signal: 'SIGTRAP', livedMs: 90 })).toBe(true);
    expect(couldNotStart({ code: 127, signal: null, livedMs: 20 })).toBe(true);
    expect(couldNotStart({ code: 1, signal: null, livedMs: 500 })).toBe(true);
  });
  it("takes the app's own end for what it is", () => {
    expect(couldNotStart({ code: 0, signal: null, livedMs: 300 })).toBe(false);
    expect(couldNotStart({ code: 6, signal: null, livedMs: 300 })).toBe(false);
    expect(couldNotStart({ code: null, signal: 'SIGINT', livedMs: 300 })).toBe(false);
    expect(couldNotStart({ code: null, signal: 'SIGSEGV', livedMs: 60_000 })).toBe(false);
  });
});
