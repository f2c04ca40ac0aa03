/** `npm start` where no window can be opened: one line that says why, then the same app for a browser, ended by the same signals. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryDataDir } from '../support/terminal.ts';

const START = resolve(import.meta.dirname, '../../scripts/start.mjs');
const URL_PATTERN = /http:\/\/127\.0\.0\.1:\d+\/\?token=\S+/;

let dataDir: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  ({ path: dataDir, remove } = await temporaryDataDir());
});
afterAll(() => remove());

/** Starts it without a display, waits for `wanted`, and ends it by a signal, or lets it end by itself. */
async function start(args: readonly string[], wanted: RegExp, signal?: NodeJS.Signals) {
  const child = spawn(process.execPath, [START, ...args], {
    env: { ...process.env, DISPLAY: '', WAYLAND_DISPLAY: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  const closed = once(child, 'close');
  await new Promise<void>((done, fail) => {
    const take = (chunk: Buffer) => {
      output += chunk.toString();
      if (wanted.test(output)) done();
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    void closed.then(() => fail(new Error(`ended without ${String(wanted)}:\n${output}`)));
  });
  const [url = ''] = URL_PATTERN.exec(output) ?? [];
  const page = url === '' ? undefined : await fetch(url, { redirect: 'manual' });
  if (signal) child.kill(signal);
  const [code] = await closed;
  return { output, code, pageStatus: page?.status };
}

describe.runIf(process.platform === 'linux')('npm start without a display', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('serves the browser and ends cleanly on %s', async (signal) => {
    const { output, code, pageStatus } = await start(['--data-dir', dataDir], URL_PATTERN, signal);
    const [first = '', second] = output.split('\n');
    expect(first).toBe(
      'There is no display here (DISPLAY and WAYLAND_DISPLAY are empty). FlashGrid is served to your browser instead.',
    );
    expect(second).toMatch(/^FlashGrid is served at/);
    expect(pageStatus).toBe(303);
    expect(code).toBe(0);
    expect(existsSync(join(dataDir, 'lock'))).toBe(false);
  });

  it('hands on a wrong option and its exit code', async () => {
    const { code } = await start(['--prot', '80'], /--prot/);
    expect(code).toBe(2);
  });
});
