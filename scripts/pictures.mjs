/**
 * Takes the pictures of the docs: starts the built browser frontend on its own data folder with real backends, starts
 * the cluster, attacks it, and saves every page in both themes to docs/pictures; the attack also in projector mode.
 *
 *   npm run pictures [-- --out DIR] [--size WIDTHxHEIGHT] [--only single|ha]
 *
 * Needs the built app (npm run build) and a Chromium; FLASHGRID_CHROMIUM names one that lies elsewhere.
 */
import { mkdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { launchChromium } from './chromium.mjs';
import { serveFreshApp } from './serve.ts';

const ROOT = resolve(import.meta.dirname, '..');
const THEMES = ['dark', 'light'];
const SIZE = '1440x900';
/** Most bytes of a picture: a page of large pictures loads slowly. */
const MAX_BYTES = 250 * 1024;
const START_TIMEOUT_MS = 180_000;
const ATTACK_TIMEOUT_MS = 180_000;
const LAB_TIMEOUT_MS = 600_000;

/** Switches to a theme with the key that people use. */
async function wear(page, theme) {
  const isWorn = () =>
    page.evaluate((name) => document.documentElement.dataset.mantineColorScheme === name, theme);
  if (await isWorn()) return;
  await page.keyboard.press('t');
  await page.waitForFunction((name) => document.documentElement.dataset.mantineColorScheme === name, theme);
}

/** Projector mode, with the key that people use. */
async function project(page, isOn) {
  await page.keyboard.press('p');
  await page.waitForFunction((value) => document.documentElement.dataset.projector === value, String(isOn));
}

async function take(page, out, name, theme) {
  // No hover and no focus ring in the picture; the wait lets the charts finish.
  await page.mouse.move(0, 0);
  await page.evaluate(() => document.activeElement?.blur());
  await page.waitForTimeout(600);
  const path = join(out, `${name}-${theme}.png`);
  await page.screenshot({ path });
  const { size } = await stat(path);
  console.log(`${path} ${Math.round(size / 1024)} kB`);
  if (size > MAX_BYTES) throw new Error(`${path} has ${size} bytes, at most ${MAX_BYTES} are allowed`);
}

async function shootBoth(page, out, name) {
  for (const theme of THEMES) {
    await wear(page, theme);
    await take(page, out, name, theme);
  }
}

/** In both themes, as it is and in projector mode. */
async function shootProjected(page, out, name) {
  await shootBoth(page, out, name);
  await project(page, true);
  await shootBoth(page, out, `${name}-projector`);
  await project(page, false);
}

/** Opens a page by its link: the number keys change with every new page. */
async function goTo(page, title) {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: title }).click();
}

async function launch(page, preset) {
  await goTo(page, 'Attack');
  const again = page.getByRole('button', { name: 'Set up another' });
  const cards = page.getByRole('radio', { name: preset });
  await again.or(cards).first().waitFor();
  if (await again.isVisible()) await again.click();
  // The radio itself is hidden behind its card.
  await page.locator('label', { hasText: preset }).click();
  await page.getByRole('button', { name: 'Launch attack' }).click();
}

async function play(page, out) {
  await page.getByRole('button', { name: 'Start the cluster' }).waitFor();
  await page.getByText('The full check is under Settings').waitFor();
  await shootBoth(page, out, 'control-stopped');
  await page.keyboard.press('s');
  await page.getByRole('heading', { name: 'The cluster is running.' }).waitFor({ timeout: START_TIMEOUT_MS });
  await goTo(page, 'Attack');
  await page.getByRole('button', { name: 'Launch attack' }).waitFor();
  await shootBoth(page, out, 'attack-setup');
  await page.getByRole('button', { name: 'Another shop' }).click();
  await page
    .locator('input[type=file][accept^=".json"]')
    .setInputFiles(join(ROOT, 'docs/examples/shop.json'));
  await page.getByText('Not judged, and never counted as passed').scrollIntoViewIfNeeded();
  await shootBoth(page, out, 'attack-shop');
  await page.getByRole('button', { name: 'Back to FlashGrid’s own shop' }).click();

  // The surge is short, so each theme gets its own large attack.
  for (const theme of THEMES) {
    await wear(page, theme);
    await launch(page, '100,000 buyers');
    await page
      .getByRole('img', { name: /Arrivals/ })
      .or(page.getByText('Arrivals', { exact: true }))
      .first()
      .waitFor();
    await page
      .getByText(/The queue holds|Sold out/)
      .first()
      .waitFor({ timeout: ATTACK_TIMEOUT_MS });
    await take(page, out, 'attack-live', theme);
    await project(page, true);
    await take(page, out, 'attack-live-projector', theme);
    await project(page, false);
    await goTo(page, 'Control');
    await page.getByRole('heading', { name: 'The cluster is running.' }).waitFor();
    await take(page, out, 'control', theme);
    await goTo(page, 'Attack');
    await page.getByText(/^(Proven|Failed|Not valid)$/).waitFor({ timeout: ATTACK_TIMEOUT_MS });
  }
  // No worker runs for a second or two: long enough for one picture.
  for (const theme of THEMES) {
    await wear(page, theme);
    await launch(page, 'The worker dies in the rush');
    await page.getByRole('heading', { name: /The queue keeps/ }).waitFor({ timeout: ATTACK_TIMEOUT_MS });
    await take(page, out, 'attack-crash', theme);
    await page.getByText(/^(Proven|Failed|Not valid)$/).waitFor({ timeout: ATTACK_TIMEOUT_MS });
  }
  await launch(page, '10,000 buyers, 20 tickets');
  await page
    .getByRole('heading', { name: '20 tickets, 20 owners. Exactly.' })
    .waitFor({ timeout: ATTACK_TIMEOUT_MS });
  await shootProjected(page, out, 'attack-verdict');
  await goTo(page, 'Runs');
  const history = page.getByRole('region', { name: 'History' });
  await history.waitFor();
  await shootBoth(page, out, 'runs');
  await page.getByRole('rowheader').getByRole('link').first().click();
  await page.getByText('What was proven').waitFor();
  await shootBoth(page, out, 'run');
  await goTo(page, 'Logs');
  await page.getByRole('region', { name: 'Lines', exact: true }).waitFor();
  // Without RabbitMQ, whose many lines would fill the picture.
  for (const part of ['attack', 'gateway-1', 'worker-1'])
    await page.getByText(part, { exact: true }).first().click();
  await shootBoth(page, out, 'logs');
  await goTo(page, 'Settings');
  await page.getByRole('heading', { name: 'Doctor' }).waitFor();
  await shootBoth(page, out, 'settings');
  await compare(page, out);
  await race(page, out);
  await lab(page, out);
}

/** The two runs of the large attack, side by side. */
async function compare(page, out) {
  await goTo(page, 'Runs');
  const large = page.getByRole('row').filter({ hasText: '100,000' }).getByRole('checkbox');
  await large.first().waitFor();
  for (const box of await large.all()) await box.check();
  await page
    .getByRole('link', { name: /^Compare/ })
    .first()
    .click();
  await page.getByRole('region', { name: 'Side by side', exact: true }).getByRole('row').nth(8).waitFor();
  await shootBoth(page, out, 'comparison');
}

/** Both buyers have read the same number, and both have written it back. */
async function race(page, out) {
  await goTo(page, 'Race');
  await page.getByRole('button', { name: 'Open the race' }).click();
  for (let step = 1; step <= 8; step++)
    for (const buyer of ['a', 'b']) {
      await page.keyboard.press(buyer);
      await page.waitForTimeout(400);
    }
  await shootBoth(page, out, 'race');
}

async function lab(page, out) {
  await goTo(page, 'Lab');
  await page.getByLabel('Rounds').fill('1');
  for (const extra of await page.getByRole('region', { name: 'The attacks' }).getByRole('checkbox').all())
    await extra.uncheck();
  await page.getByRole('button', { name: 'Start the lab' }).click();
  await page.getByRole('region', { name: 'Progress' }).waitFor();
  await page.getByRole('button', { name: 'Start the lab' }).waitFor({ timeout: LAB_TIMEOUT_MS });
  await page
    .getByRole('heading', { name: 'What a request costs, and what is sold' })
    .evaluate((heading) => heading.scrollIntoView());
  await shootBoth(page, out, 'lab');
}

/** Each member, and who leads, of the cluster that survives. */
async function members(page, out) {
  await page.getByRole('button', { name: 'Start the cluster' }).waitFor();
  await page.keyboard.press('s');
  await page.getByRole('heading', { name: 'The cluster is running.' }).waitFor({ timeout: START_TIMEOUT_MS });
  // Those who lead are asked each second.
  await page.waitForTimeout(5_000);
  await shootBoth(page, out, 'control-ha');
}

/** What is played on which settings. */
const PARTS = { single: [{}, play], ha: [{ highlyAvailable: true }, members] };

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    out: { type: 'string', default: join(ROOT, 'docs/pictures') },
    size: { type: 'string', default: SIZE },
  },
});
const size = /^(\d+)x(\d+)$/.exec(values.size);
if (!size) throw new Error(`--size takes WIDTHxHEIGHT, not ${values.size}`);
const viewport = { width: Number(size[1]), height: Number(size[2]) };
if (values.only !== undefined && !Object.hasOwn(PARTS, values.only))
  throw new Error(`--only takes ${Object.keys(PARTS).join(' or ')}, not ${values.only}`);
await mkdir(values.out, { recursive: true });
const browser = await launchChromium();
try {
  for (const [settings, story] of values.only ? [PARTS[values.only]] : Object.values(PARTS)) {
    const frontend = await serveFreshApp(settings);
    try {
      const page = await browser.newPage({ viewport, reducedMotion: 'reduce' });
      await page.goto(frontend.url);
      await story(page, values.out);
      await page.close();
    } finally {
      await frontend.close();
    }
  }
} finally {
  await browser.close();
}
