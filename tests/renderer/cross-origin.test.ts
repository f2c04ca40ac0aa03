/** Another origin in the same browser, with the session's cookie in its jar, can't talk to the browser frontend. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../../scripts/chromium.mjs';
import { startFrontend, type Face } from './support/frontend.ts';
import { startCrossOriginPage, type Stranger } from './support/cross-origin-page.ts';
import { openWindow, type AppWindow } from './support/window.ts';

let frontend: Face;
let stranger: Stranger;
let browser: Browser;
let app: AppWindow;

beforeAll(async () => {
  [frontend, browser] = await Promise.all([startFrontend(), launchChromium()]);
  stranger = await startCrossOriginPage(frontend.origin);
  app = await openWindow(browser, frontend.url);
  await app.page.getByRole('button', { name: 'Start the cluster' }).waitFor();
});

afterAll(async () => {
  await browser.close();
  await stranger.close();
  await frontend.close();
});

/** Opens the stranger's page in the app's own context, and reads how its attempts ended. */
async function visitCrossOriginPage(): Promise<{ outcomes: unknown; framed: string; cookies: string[] }> {
  const page = await app.context.newPage();
  const cookies: string[] = [];
  page.on('request', (request) => {
    if (request.url().startsWith(frontend.origin))
      void request.allHeaders().then((headers) => cookies.push(headers['cookie'] ?? ''));
  });
  await page.goto(stranger.url);
  const output = page.locator('output:not(:empty)');
  await output.waitFor({ state: 'attached' });
  const outcomes: unknown = JSON.parse((await output.textContent()) ?? '');
  const frame = page.frames().find((candidate) => candidate.parentFrame() !== null);
  await frame?.waitForLoadState('load');
  const framed = (await frame?.locator('body').textContent()) ?? '';
  await page.close();
  return { outcomes, framed, cookies };
}

describe('a page of another origin', () => {
  it('can neither read, send, connect nor frame, though the browser sends the cookie along', async () => {
    const { outcomes, framed, cookies } = await visitCrossOriginPage();
    expect(outcomes).toEqual({
      read: 'refused',
      blindRead: 'refused',
      post: 'refused',
      picture: 'refused',
      socket: 'refused',
    });
    expect(framed).not.toContain('FlashGrid');
    expect(cookies.some((cookie) => cookie.includes('flashgrid_session_'))).toBe(true);
  });

  it('is what is refused: the app itself, in the same browser, goes on undisturbed', async () => {
    await app.page.reload();
    await app.page.getByRole('button', { name: 'Start the cluster' }).waitFor();
    await app.page.getByText('Cluster stopped').waitFor();
    expect(app.complaints).toEqual([]);
  });
});

describe('the page of the app', () => {
  it('runs nothing that is put into it: no inline script, style or connection elsewhere', async () => {
    const { page, context } = await openWindow(browser, frontend.url);
    // React must not take the page that is put into from under it.
    await page.getByRole('button', { name: 'Start the cluster' }).waitFor();
    // Each refusal is an event of the document; Chromium's console may tell it later, or not at all.
    await page.evaluate(`document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => {
      document.body.dataset.refused = (document.body.dataset.refused ?? '') + ' ' + effectiveDirective;
    })`);
    await page.locator('body').evaluate((body, elsewhere) => {
      body.insertAdjacentHTML('beforeend', '<p id="planted" style="color: red" onclick="1">planted</p>');
      body.insertAdjacentHTML('beforeend', `<iframe src="${elsewhere}"></iframe>`);
    }, stranger.url);
    const refused = () => page.evaluate('document.body.dataset.refused');
    await expect.poll(refused).toMatch(/style-src/);
    await expect.poll(refused).toMatch(/frame-src/);
    await context.close();
  });

  it('ends FlashGrid when a person asks, and says that it has ended', async () => {
    await app.page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Settings' }).click();
    await app.page.getByRole('button', { name: 'Quit', exact: true }).click();
    await app.page.getByRole('dialog').getByRole('button', { name: 'Stop all and quit' }).click();
    await app.page.getByRole('heading', { name: 'FlashGrid has ended.' }).waitFor();
    expect(await frontend.run.ended()).toBe(0);
  });
});
