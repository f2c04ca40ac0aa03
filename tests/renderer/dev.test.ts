/** `npm run dev -- --replay` in a copy of the sources that was never built, as a newcomer's first look. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { launchChromium } from '../../scripts/chromium.mjs';
import { openWindow, type AppWindow } from './support/window.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** All that it needs. */
const SOURCES = [
  'contract',
  'control',
  'renderer',
  'scripts',
  'services',
  'web',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
];

let dir: string;
let dev: ChildProcess;
let output = '';
let url: URL;
let browser: Browser | undefined;
let window: AppWindow;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'fg-dev-'));
  for (const name of SOURCES) cpSync(join(ROOT, name), join(dir, name), { recursive: true });
  // Each package by itself: Vite's cache beside them must not be that of somebody who works in this folder.
  mkdirSync(join(dir, 'node_modules'));
  for (const name of readdirSync(join(ROOT, 'node_modules')).filter((name) => name !== '.vite'))
    symlinkSync(join(ROOT, 'node_modules', name), join(dir, 'node_modules', name));
  // A group of its own, so that whatever is left of it can be seen and ended.
  dev = spawn(process.execPath, ['scripts/run.mjs', 'dev', '--replay', '--port', '0'], {
    cwd: dir,
    detached: true,
  });
  for (const stream of [dev.stdout, dev.stderr])
    stream?.on('data', (text: Buffer) => (output += text.toString()));
  const address = () => /Open (http:\S+)/.exec(output)?.[1] ?? '';
  await vi.waitUntil(() => address() !== '' || dev.exitCode !== null, { timeout: 50_000 });
  expect(address(), output).not.toBe('');
  url = new URL(address());
  browser = await launchChromium();
  window = await openWindow(browser, url.href);
});

afterAll(async () => {
  await browser?.close();
  if (isAnyLeft()) process.kill(-(dev.pid ?? 0), 'SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

function isAnyLeft(): boolean {
  try {
    return process.kill(-(dev.pid ?? 0), 0);
  } catch {
    return false;
  }
}

/** What the page's socket is answered when somebody else asks for it. */
async function upgrade(headers: Record<string, string>): Promise<number | undefined> {
  const [{ name, value } = { name: '', value: '' }] = await window.context.cookies(url.origin);
  const asked = request(new URL('/ws', url), {
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'MDEyMzQ1Njc4OWFiY2RlZg==',
      cookie: `${name}=${value}`,
      ...headers,
    },
  }).end();
  return await new Promise((done, fail) => {
    asked.on('upgrade', (_response, socket) => {
      socket.destroy();
      done(101);
    });
    asked.on('response', ({ statusCode }) => done(statusCode));
    asked.on('error', fail);
  });
}

it('shows the recorded run, live and from the list of runs', async () => {
  const { page } = window;
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Attack' }).click();
  await page.locator('.recharts-surface').first().waitFor();
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Runs' }).click();
  await page.locator('[data-verdict="pass"]').first().waitFor();
  expect(window.complaints).toEqual([]);
});

it('lets in nobody whom the control centre would not let in', async () => {
  const { host, origin } = url;
  expect(await upgrade({ host, origin })).toBe(101);
  expect(await upgrade({ host, origin, cookie: '' })).toBe(401);
  expect(await upgrade({ host, origin: 'http://127.0.0.1:1' })).toBe(401);
  expect(await upgrade({ host: 'rebound.invalid', origin: 'http://rebound.invalid' })).not.toBe(101);
});

it.each([
  ['a sheet', 'renderer/styles/base.css', 'body { outline: 3px solid rgb(1, 2, 3); }', 'body'],
  ['a module', 'renderer/app.module.css', '.main { outline: 3px solid rgb(1, 2, 3); }', 'main'],
])('shows a changed line of %s without loading the page again', async (_what, path, line, place) => {
  const { page } = window;
  const outline = () => page.evaluate(`getComputedStyle(document.querySelector('${place}')).outlineColor`);
  await page.evaluate('void (globalThis.isSame = true)');
  expect(await outline()).not.toBe('rgb(1, 2, 3)');
  writeFileSync(join(dir, path), `${readFileSync(join(dir, path), 'utf8')}\n${line}\n`);
  await expect.poll(outline).toBe('rgb(1, 2, 3)');
  expect(await page.evaluate('globalThis.isSame')).toBe(true);
  expect(window.complaints).toEqual([]);
});

it('ends all that it started on Ctrl-C', async () => {
  dev.kill('SIGINT');
  await once(dev, 'exit');
  await expect.poll(isAnyLeft).toBe(false);
});
