/** What an audience sees: a visitor who is both buyers, and the story in five scenes, told by keys alone. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchChromium } from '../../scripts/chromium.mjs';
import { startFrontend, type Face } from './support/frontend.ts';
import { personAt } from './support/person.ts';
import { openWindow } from './support/window.ts';

/** The start of a cluster, or a scene, on a machine that has other things to do. */
const LIMIT_MS = 90_000;

let frontend: Face;
let browser: Browser;
let page: Page;
let complaints: string[];

const { button, visit, noViolations } = personAt(() => page);

beforeAll(async () => {
  [frontend, browser] = await Promise.all([startFrontend(), launchChromium()]);
  ({ page, complaints } = await openWindow(browser, frontend.url));
}, LIMIT_MS);
afterAll(async () => {
  await browser.close();
  await frontend.close();
});

it(
  'lets a visitor be both buyers, and sell one ticket twice by hand',
  async () => {
    await visit('Race');
    await button('Start the cluster and the race').click();
    const lane = (buyer: string) => page.getByRole('region', { name: `Buyer ${buyer}` });
    await lane('A').waitFor({ timeout: LIMIT_MS });
    await noViolations('Race, open');
    const verdict = page.getByRole('status').filter({ hasText: /order/ });
    const isOpen = async () => !/^(Overs|Not overs)old/.test(await verdict.innerText());
    let hasWaited = false;
    for (let steps = 0; steps < 30 && (await isOpen()); steps++) {
      const buyer = steps % 2 === 0 ? 'A' : 'B';
      const send = lane(buyer).getByRole('button');
      if (await send.isDisabled()) {
        hasWaited ||= (await lane(buyer).getByText('Waits for buyer A').count()) > 0;
        continue;
      }
      const sent = await lane(buyer).getByRole('listitem').count();
      await page.keyboard.press(buyer.toLowerCase());
      await expect.poll(() => lane(buyer).getByRole('listitem').count()).toBeGreaterThan(sent);
    }
    await expect.poll(() => verdict.innerText()).toMatch(/^Oversold: 1 unit, 2 orders/);
    expect(hasWaited).toBe(true);
    await noViolations('Race, oversold');
    await button('Start anew').click();
    await page.getByText('No order in Postgres so far.').waitFor();
  },
  LIMIT_MS * 2,
);

/** What does not fit on the screen. */
const CUT_OFF = `(() => {
  const { innerHeight, innerWidth } = window;
  const html = document.documentElement;
  return [
    ...(html.scrollHeight > innerHeight || html.scrollWidth > innerWidth ? ['the document'] : []),
    ...[...document.querySelectorAll('[role=dialog] *')]
      .filter((element) => {
        const { top, left, right, bottom } = element.getBoundingClientRect();
        const place = element.closest('main')?.getBoundingClientRect();
        if (place && (top < place.top - 1 || bottom > place.bottom + 1)) return true;
        return top < 0 || left < 0 || right > innerWidth + 1 || bottom > innerHeight + 1 || element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== 'inline';
      })
      .map((element) => element.tagName + ' ' + element.textContent.slice(0, 40)),
  ];
})()`;

async function fits(what: string): Promise<void> {
  for (const [width, height] of [
    [1920, 1080],
    [1440, 900],
    [1280, 720],
  ] as const) {
    await page.setViewportSize({ width, height });
    expect(await page.evaluate(CUT_OFF), `${what} at ${width}×${height}`).toEqual([]);
  }
}

it(
  'tells the story in five scenes by one key, with the bet beside the truth',
  async () => {
    await visit('Lab');
    await page.keyboard.press('o');
    const stage = page.getByRole('dialog', { name: 'The story in five scenes' });
    const figure = (name: string) => stage.locator('dl > div').filter({ hasText: name }).locator('dd');
    for (const [at, bet] of ['25', '20', '20', '', '7'].entries()) {
      await stage.getByText(`Scene ${at + 1} of 5`).waitFor();
      if (bet !== '') await page.keyboard.type(`${bet}9`);
      await page.keyboard.press('Backspace');
      if (at === 0) await fits('the bet');
      await page.keyboard.press(' ');
      await figure('oversold').waitFor({ timeout: LIMIT_MS });
      expect(await figure('your bet').innerText()).toBe(bet === '' ? 'none' : bet);
      const oversold = await figure('oversold').innerText();
      if (at === 0) expect(Number(oversold.replaceAll(',', ''))).toBeGreaterThan(0);
      else expect(oversold).toBe('0');
      if (at === 4)
        await stage
          .getByText(/worker-1.* killed/)
          .first()
          .waitFor();
      await fits(`the result of scene ${at + 1}`);
      if (at === 0) await noViolations('The story, a result');
      await page.keyboard.press('ArrowRight');
    }
    await stage.getByRole('table', { name: 'The five scenes' }).waitFor();
    await fits('the end');
    await noViolations('The story, its end');
    await page.keyboard.press('Escape');
    await stage.waitFor({ state: 'hidden' });
    expect(complaints).toEqual([]);
  },
  LIMIT_MS * 5,
);
