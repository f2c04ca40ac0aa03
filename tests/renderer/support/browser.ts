/** Debian's Chromium without a window, and nothing that talks to the world. */
import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Starts the browser; FLASHGRID_CHROMIUM names one that lies elsewhere. */
export function launchBrowser(): Promise<Browser> {
  const executablePath = [process.env['FLASHGRID_CHROMIUM'], ...PLACES].find(
    (place) => place !== undefined && existsSync(place),
  );
  if (executablePath === undefined)
    throw new Error('No Chromium was found. Install chromium, or name one in FLASHGRID_CHROMIUM.');
  return chromium.launch({ executablePath, args: ARGS });
}
