/** The headless Chromium of tests, pictures and measurements, without any background network traffic. */
import { existsSync } from 'node:fs';
import process from 'node:process';
import { chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export const CHROMIUM_ARGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Root and many containers can't have the sandbox; only our own pages are shown.
  '--no-sandbox',
];

export function findChromium() {
  const path = [process.env.FLASHGRID_CHROMIUM, ...PLACES].find(
    (place) => place !== undefined && existsSync(place),
  );
  if (path === undefined)
    throw new Error('No Chromium was found. Install chromium, or name one in FLASHGRID_CHROMIUM.');
  return path;
}

export async function launchChromium() {
  return await chromium.launch({ executablePath: findChromium(), args: CHROMIUM_ARGS });
}
