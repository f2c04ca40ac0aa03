import { expect, it } from 'vitest';
import { findChromium, openChromium } from './chromium.ts';
import { printPdf } from './print-report.ts';

it.each([
  ['is not there', undefined, 'export.noBrowser', /no Chromium was found/],
  ['can not be started', '/no/such/program', 'export.notPrinted', /\/no\/such\/program could not be started/],
  ['ends at once', '/bin/false', 'export.notPrinted', /\/bin\/false ended \(code 1\)/],
])('a browser that %s is a failure that says so', async (_, path, code, message) => {
  await expect(printPdf('', () => openChromium(() => path))).rejects.toMatchObject({
    failure: { code, message: expect.stringMatching(message) as unknown },
  });
});

it('takes the browser that is named before any other', () => {
  expect(findChromium({ FLASHGRID_CHROMIUM: '/opt/mine', PATH: '/usr/bin' })).toBe('/opt/mine');
});
