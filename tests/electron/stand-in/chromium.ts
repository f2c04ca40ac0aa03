/** The one real Chromium in which the stand-in shows its pages. */
import { rm } from 'node:fs/promises';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext } from 'playwright-core';
import { CHROMIUM_ARGS, findChromium } from '../../../scripts/chromium.mjs';

let opened: { readonly context: Promise<BrowserContext>; readonly profileDir: string } | undefined;

/** The browser, started at the first call. */
export function openBrowser(): Promise<BrowserContext> {
  opened ??= (() => {
    const profileDir = mkdtempSync(join(tmpdir(), 'flashgrid-chromium-'));
    return {
      profileDir,
      context: chromium.launchPersistentContext(profileDir, {
        executablePath: findChromium(),
        args: CHROMIUM_ARGS,
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
