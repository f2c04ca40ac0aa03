/** What a person does in a window of the app, by what they see: names, headings, buttons. */
import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { findViolations } from './axe.ts';
import { fillNumber } from './window.ts';

/** More than any page has stops for the keyboard. */
const MAX_TABS = 120;

/** Tickets of every crowd that is sent in. */
export const STOCK = 20;

/** A crowd that comes all at once, or at a steady rate that leaves time to look. */
export type Crowd = { readonly buyers: number } | { readonly perSec: number; readonly forSec: number };

/** The deeds of a person at the window that `theirs` gives, or at another one that is named. */
export function personAt(theirs: () => Page) {
  const button = (name: string | RegExp, on = theirs()) => on.getByRole('button', { name, exact: true });
  const heading = (name: string | RegExp, on = theirs()) => on.getByRole('heading', { name });
  const visit = (name: string, on = theirs()) =>
    on.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name }).click();
  const title = (on = theirs()) => on.getByRole('main').getByRole('heading', { level: 1 }).innerText();

  /** Confirms the dialog that a button opens. */
  async function confirm(open: string, accept: string): Promise<void> {
    await button(open).click();
    await theirs().getByRole('dialog').getByRole('button', { name: accept, exact: true }).click();
    await theirs().getByRole('dialog').waitFor({ state: 'hidden' });
  }

  async function tabTo(target: Locator): Promise<void> {
    for (let tabs = 0; tabs < MAX_TABS; tabs++) {
      if (await target.evaluate((element) => element.matches(':focus'))) return;
      await theirs().keyboard.press('Tab');
    }
    throw new Error(`the keyboard does not reach ${String(target)}`);
  }

  /** Goes to a part of the page as the keyboard does, and presses a key there. */
  async function pressOn(target: Locator, key = 'Enter'): Promise<void> {
    await target.waitFor();
    await tabTo(target);
    await theirs().keyboard.press(key);
  }

  const noViolations = async (where: string, except: readonly string[] = []): Promise<void> =>
    expect({ where, violations: await findViolations(theirs(), except) }).toEqual({ where, violations: [] });

  /** Opens the form of an attack with all its fields; the button that sends it off. */
  async function openForm(): Promise<Locator> {
    await visit('Attack');
    const again = button('Set up another');
    const go = button(/^(Launch attack|Start the cluster and launch)$/);
    await again.or(go).waitFor();
    if (await again.isVisible()) await again.click();
    if ((await button('Fewer settings').count()) === 0) await button('More settings').click();
    return go;
  }

  /** Sets up a crowd on the Attack page and sends it in. */
  async function launch(crowd: Crowd): Promise<void> {
    const go = await openForm();
    await theirs()
      .getByText('buyers' in crowd ? 'All at once' : 'Steady rate', { exact: true })
      .click();
    if ('buyers' in crowd) await fillNumber(theirs(), 'Requests', crowd.buyers);
    else {
      await fillNumber(theirs(), 'Requests a second', crowd.perSec);
      await fillNumber(theirs(), 'Duration, s', crowd.forSec);
    }
    await fillNumber(theirs(), 'Tickets', STOCK);
    await fillNumber(theirs(), 'Connections at once', 50);
    await go.click();
  }

  return { button, heading, visit, title, confirm, pressOn, noViolations, openForm, launch };
}
