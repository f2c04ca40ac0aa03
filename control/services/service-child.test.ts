import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest';
import { guardProcess, keepServing } from '../lib/last-resort.ts';
import { ServiceChild } from './service-child.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'flashgrid-child-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function start(script: string) {
  const modulePath = join(dir, 'child.mjs');
  writeFileSync(modulePath, script);
  const lines: string[] = [];
  let longest = 0;
  const child = new ServiceChild({
    id: 'worker-1',
    role: 'worker',
    modulePath,
    env: process.env,
    onSample: () => undefined,
    onLog: ({ text }) => {
      longest = Math.max(longest, text.length);
      if (lines.length < 50) lines.push(text);
    },
    onExit: () => undefined,
  });
  onTestFinished(() => child.stop(0));
  return { child, lines, longest: () => longest };
}

const READY = `process.send({ type: 'ready', pid: process.pid, port: 7 });`;

it('takes messages that are none for what they are, and hears the next', async () => {
  const { child, lines } = start(`
    for (const message of [null, 0, '', [], {}, { type: 'ready' }, { type: '__proto__' }, 'x'.repeat(1e6)]) process.send(message);
    ${READY} setInterval(() => {}, 1_000);`);
  expect(await child.ready()).toBe(7);
  expect(lines.filter((line) => line.startsWith('unknown message')).length).toBe(8);
});

it('goes on when a child writes what is no message at all into its channel', async () => {
  const noted: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  onTestFinished(() => {
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
  });
  guardProcess(() => expect.fail('the process would have ended'));
  keepServing((error) => noted.push(error));
  const { child } = start(`
    import { writeSync } from 'node:fs';
    // The channel is the first descriptor after the three that every process has.
    writeSync(3, '{nonsense\\n');
    setTimeout(() => { ${READY} }, 200); setInterval(() => {}, 1_000);`);
  expect(await child.ready()).toBe(7);
  expect(String(noted[0])).toMatch(/JSON/);
});

it('keeps a line of a hundred megabytes in pieces that fit', async () => {
  const { child, longest } = start(`
    import { once } from 'node:events';
    const piece = 'x'.repeat(1_000_000);
    for (let sent = 0; sent < 100; sent++) if (!process.stdout.write(piece)) await once(process.stdout, 'drain');
    ${READY} setInterval(() => {}, 1_000);`);
  expect(await child.ready()).toBe(7);
  expect(longest()).toBeLessThan(200_000);
}, 20_000);
