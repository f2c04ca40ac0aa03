/** The one real Chromium in which the stand-in shows its pages. */
import { rm } from 'node:fs/promises';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { chromium, type BrowserContext } from 'playwright-core';

const ARGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let opened: { readonly context: Promise<BrowserContext>; readonly profileDir: string } | undefined;

/** The browser, started at the first call. */
export function openBrowser(): Promise<BrowserContext> {
  opened ??= (() => {
    const profileDir = mkdtempSync(join(tmpdir(), 'flashgrid-chromium-'));
    return {
      profileDir,
      context: chromium.launchPersistentContext(profileDir, {
        executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
        args: [...ARGS, ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
        // Signals belong to the app under test.
        handleSIGINT: false,
        handleSIGTERM: false,
        handleSIGHUP: false,
        timeout: 30_000,
      }),
    };
  })();
  return opened.context;
}

/** Ends the browser and removes its profile. */
export async function closeBrowser(): Promise<void> {
  if (!opened) return;
  const { context, profileDir } = opened;
  await (await context).close().catch(() => undefined);
  await rm(profileDir, { recursive: true, force: true });
}
