/** The diagram with the members of a highly available cluster, on the recorded run: what is looked at is where things stand. */
import { expect, it, onTestFinished } from 'vitest';
import { launchChromium } from '../../scripts/chromium.mjs';
import { serveReplay } from '../../scripts/serve.ts';
import { addMembers } from './support/add-members.ts';
import { openWindow } from './support/window.ts';

/** Where the diagram ends, and what reaches out of its card, over the button beside it, or is cut off. */
const DIAGRAM = `(() => {
  const cards = [...document.querySelectorAll('figure section')];
  const isShown = (element) => element.getBoundingClientRect().width > 1 && element.clientWidth > 1;
  return {
    foot: document.querySelector('figure').getBoundingClientRect().bottom + document.getElementById('main').scrollTop,
    outside: cards.flatMap((card) => {
      const box = card.getBoundingClientRect();
      return [...card.querySelectorAll('*')].filter(isShown).filter((element) => {
        const { right, top, bottom } = element.getBoundingClientRect();
        const next = element.nextElementSibling?.querySelector('button')?.getBoundingClientRect();
        const reach = right + element.scrollWidth - element.clientWidth;
        const isOver = next && next.top < bottom && next.bottom > top && next.left + 1 < reach;
        const isCut = getComputedStyle(element).overflowX !== 'visible' && element.scrollWidth > element.clientWidth + 1;
        return right > box.right + 1 || bottom > box.bottom + 1 || isOver || isCut;
      }).map((element) => card.ariaLabel + ': ' + element.tagName + ' ' + element.textContent);
    }),
  };
})()`;

it('is on one screen of a projector, and cuts nothing off in smaller windows', async () => {
  const replay = await serveReplay();
  onTestFinished(() => replay.close());
  const browser = await launchChromium();
  onTestFinished(() => browser.close());
  const { page } = await openWindow(browser, replay.url, addMembers);
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Control' }).click();
  await page.getByRole('list', { name: 'Members of RabbitMQ' }).waitFor();
  const measure = () => page.evaluate<{ foot: number; outside: string[] }>(DIAGRAM);
  for (const projector of ['false', 'true'])
    for (const theme of ['dark', 'light'])
      for (const [width, height] of [
        [1440, 900],
        [1024, 700],
        [720, 540],
      ] as const) {
        const when = `${width} by ${height}, ${theme}, projector mode ${projector}`;
        // As the settings do it, which a replay does not change.
        await page.evaluate(
          `Object.assign(document.documentElement.dataset, { projector: '${projector}', mantineColorScheme: '${theme}' })`,
        );
        await page.setViewportSize({ width, height });
        await expect.poll(measure, { message: when }).toMatchObject({ outside: [] });
        if (width === 1440) expect((await measure()).foot, when).toBeLessThan(height);
      }
});
