/** A window of the app as a person has it: what they find by name, and every complaint that the browser made. */
import type { Browser, BrowserContext, Page } from 'playwright-core';

export interface AppWindow {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of the console (a refused style or script is one), and those that nothing caught. */
  readonly complaints: string[];
}

/**
 * Opens the app in a fresh context: no cookie, no cache.
 * @param prepare what the page needs before it opens
 */
export async function openWindow(
  browser: Browser,
  url: string,
  prepare?: (page: Page) => Promise<void>,
): Promise<AppWindow> {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    reducedMotion: 'reduce',
    acceptDownloads: true,
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await prepare?.(page);
  await page.goto(url);
  return { page, context, complaints };
}

/** The facts of a region: what stands beside each label. */
export async function factsOf(page: Page, region: string): Promise<Readonly<Record<string, string>>> {
  const box = page.getByRole('region', { name: region, exact: true });
  const [labels, values] = await Promise.all([
    box.locator('dt').allInnerTexts(),
    box.locator('dd').allInnerTexts(),
  ]);
  return Object.fromEntries(labels.map((label, index) => [label, values[index] ?? '']));
}

/** Waits until the page wears the theme, which the key of the app switches. */
export async function wear(page: Page, theme: 'dark' | 'light'): Promise<void> {
  const worn = page.locator(`html[data-mantine-color-scheme="${theme}"]`);
  if ((await worn.count()) > 0) return;
  await page.keyboard.press('t');
  await worn.waitFor({ state: 'attached' });
}

/** Fills a number's field; its grouping commas come by themselves. */
export async function fillNumber(page: Page, name: string, value: number): Promise<void> {
  await page.getByRole('textbox', { name, exact: true }).fill(String(value));
}
