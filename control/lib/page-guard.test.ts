import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ControlCentre } from '../control-centre.ts';
import { settingsSchema } from '../../contract/settings.ts';
import { parseAdapter } from '../../contract/adapter.ts';
import type { PageAsk, PageGuardOptions } from './page-guard.ts';
import { guardedChanges } from '../settings/guarded-changes.ts';

const defaults = settingsSchema.parse({});
const changed = settingsSchema.parse({
  images: { redis: 'evil/redis' },
  external: { amqpUrl: 'amqp://u:SECRET@evil' },
});

let dataDir = '';
let centre: ControlCentre;
const open = async (pageGuard: PageGuardOptions) => {
  centre = await ControlCentre.open({
    dataDir,
    version: '0',
    modules: { gateway: '', worker: '', generator: '', links: '', reroute: '', shop: '' },
    childEnv: {},
    pageGuard,
    onQuit: () => undefined,
  });
};
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'flashgrid-guard-'));
});
afterEach(async () => {
  await (centre as ControlCentre | undefined)?.release();
  rmSync(dataDir, { recursive: true, force: true });
});

describe('a change of images and external URLs', () => {
  const saved = () => {
    const path = join(dataDir, 'settings.json');
    return existsSync(path) ? settingsSchema.parse(JSON.parse(readFileSync(path, 'utf8'))) : defaults;
  };
  test('is shown as lines, without passwords', () => {
    expect(guardedChanges(defaults, changed)).toEqual([
      'images.redis: redis:8-alpine → evil/redis',
      'external.amqpUrl: (empty) → amqp://u:***@evil',
    ]);
    expect(guardedChanges(defaults, { ...defaults, workers: 2, theme: 'dark' })).toEqual([]);
    const other = { ...changed, external: { ...changed.external, amqpUrl: 'amqp://u:NEW@evil' } };
    expect(guardedChanges(changed, other)).toEqual([
      'external.amqpUrl: amqp://u:***@evil → amqp://u:***@evil, with another password',
    ]);
    const traced = settingsSchema.parse({ traces: { otlpUrl: 'http://evil:4318' } });
    expect(guardedChanges(defaults, traced)).toEqual(['traces.otlpUrl: (empty) → http://evil:4318']);
    const sly = settingsSchema.parse({ images: { redis: 'x\u001b[2Jy\nz' } });
    expect(guardedChanges(defaults, sly)).toEqual(['images.redis: redis:8-alpine → x?[2Jy?z']);
  });

  test('asked for by a page waits for a terminal, and only that change is saved', async () => {
    const told: string[] = [];
    await open({ onPending: ({ lines }) => void told.push(...lines) });
    expect(await centre.dispatch('settings.saveSettings', changed, 'page')).toMatchObject({
      ok: false,
      error: {
        code: 'page.needsConfirmation',
        fix: expect.stringContaining(' confirm`') as string,
      },
    });
    expect(saved()).toEqual(defaults);
    expect(told).toHaveLength(2);
    const first = await centre.call('app.confirmAsk', {});
    expect(await centre.dispatch('app.confirmAsk', {}, 'page')).toMatchObject({
      ok: false,
      error: { code: 'page.terminalOnly' },
    });
    // The page asks for something else while the person reads the first.
    await centre.dispatch(
      'settings.saveSettings',
      { ...changed, images: { ...changed.images, redis: 'worse' } },
      'page',
    );
    const late = await centre.call('app.confirmAsk', { id: first.ok ? first.value.id : '' });
    expect(late).toMatchObject({ ok: false, error: { code: 'page.nothingToConfirm' } });
    const second = await centre.call('app.confirmAsk', {});
    await centre.call('app.confirmAsk', { id: second.ok ? second.value.id : '' });
    expect(saved().images.redis).toBe('worse');
    expect(await centre.call('app.confirmAsk', {})).toMatchObject({ ok: false });
  });

  test('of where traces go waits for a terminal too, when a page starts the cluster with it', async () => {
    await open({ onPending: () => undefined });
    const input = { provider: 'external', otlpUrl: 'http://evil:4318' };
    expect(await centre.dispatch('cluster.start', input, 'page')).toMatchObject({
      ok: false,
      error: { code: 'page.needsConfirmation' },
    });
    expect(await centre.call('app.confirmAsk', {})).toMatchObject({
      value: { lines: ['traces.otlpUrl: (empty) → http://evil:4318'] },
    });
  });

  test('asked for by the window is saved when its dialog is confirmed, and never else', async () => {
    let answer = false;
    await open({ confirm: () => Promise.resolve(answer) });
    const result = await centre.dispatch('settings.saveSettings', changed);
    expect(result).toMatchObject({ ok: false, error: { code: 'page.notConfirmed' } });
    expect(saved()).toEqual(defaults);
    answer = true;
    expect(await centre.dispatch('settings.saveSettings', changed)).toMatchObject({ ok: true });
    expect(saved()).toEqual(changed);
  });

  test('of a terminal, and any other setting of a page, is saved at once', async () => {
    await open({});
    expect(await centre.dispatch('settings.saveSettings', { ...defaults, workers: 3 }, 'page')).toMatchObject(
      { ok: true },
    );
    expect(await centre.dispatch('settings.saveSettings', changed, 'terminal')).toMatchObject({ ok: true });
    expect(saved()).toEqual(changed);
  });

  test('goes out without its passwords at every exit, and comes back without losing them', async () => {
    await open({});
    const told: unknown[] = [];
    centre.on('settings.settingsChanged', (payload) => told.push(payload));
    const replies = [
      await centre.call('settings.saveSettings', changed),
      await centre.call('settings.getSettings', {}),
      await centre.call('app.getSnapshot', {}),
      // As the menu and the page save: all that they were shown, and one change.
      await centre.dispatch('settings.saveSettings', {
        ...changed,
        external: { ...changed.external, amqpUrl: 'amqp://u:***@evil' },
        theme: 'dark',
      }),
    ];
    expect(replies.filter(({ ok }) => !ok)).toEqual([]);
    expect(told).toHaveLength(2);
    expect(JSON.stringify([replies, told])).not.toContain('SECRET');
    expect(JSON.stringify(replies[2])).toContain('amqp://u:***@evil');
    expect(saved()).toEqual({ ...changed, theme: 'dark' });
  });
});

describe('an attack on another shop', () => {
  const shop = parseAdapter(
    'shop.json',
    readFileSync(resolve(import.meta.dirname, '../../docs/examples/shop.json'), 'utf8'),
  );
  const declared = 'declared' in shop.use ? shop.use.declared : undefined;
  const order = (change: object = {}, target: object = {}) => ({
    settings: { profile: 'burst', requests: 300, connections: 1 } as const,
    target: { ...shop, use: { declared: { ...declared, ...change } }, ...target },
  });
  const ask = (input: object) => centre.dispatch('attack.launchTarget', input, 'page');
  /** The shops whose attack began. */
  const begun = () => {
    const names = new Set<string>();
    centre.on('attack.stateChanged', ({ attack }) =>
      names.add(`${attack.target?.name} ${attack.target?.url}`),
    );
    return names;
  };

  test('asked for by a page waits for a terminal, which sees the shop and launches it', async () => {
    const told: PageAsk[] = [];
    await open({ onPending: (asked) => void told.push(asked) });
    const names = begun();
    const refused = { ok: false, error: { code: 'page.needsConfirmation' } };
    // The name and the address that are shown are those of the adapter, whatever else the page says.
    expect(await ask(order({ name: 'øther' }, { name: 'mine', url: 'http://127.0.0.1:1' }))).toMatchObject(
      refused,
    );
    expect(told.at(-1)?.lines).toEqual([
      'shop: ?ther, http://127.0.0.1:8000',
      'buys with: POST /buy, 300 times',
      'reads who owns what with: GET /tickets',
      'reads what is left with: GET /stock',
      'empties the sale with: POST /reset',
    ]);
    const sql = {
      sql: 'SELECT 1\n  AS buyer',
      postgres: 'postgres://me:SECRET@127.0.0.1/shop',
      buyer: 'buyer',
    };
    expect(await ask(order({ owners: sql }))).toMatchObject(refused);
    expect(told.at(-1)?.lines).toContain(
      'reads who owns what with: on postgres://me:***@127.0.0.1/shop: SELECT 1 AS buyer',
    );
    const { settings, target } = order();
    const plan = { setUp: { settings }, how: { kind: 'repeat', count: 50 } };
    expect(await centre.dispatch('campaign.start', { plan, target }, 'page')).toMatchObject(refused);
    expect(told.at(-1)?.lines.at(-1)).toBe('attacks 50 times');
    expect(await ask(order())).toMatchObject(refused);
    expect([...names]).toEqual([]);
    expect(await centre.dispatch('app.confirmAsk', {}, 'page')).toMatchObject({
      ok: false,
      error: { code: 'page.terminalOnly' },
    });
    // A change of the settings is no answer to it.
    await centre.dispatch('settings.saveSettings', { ...defaults, theme: 'dark' }, 'page');
    const shown = await centre.call('app.confirmAsk', {});
    await centre.call('app.confirmAsk', { id: shown.ok ? shown.value.id : '' });
    expect([...names]).toEqual(['shop.py http://127.0.0.1:8000']);
    expect(await centre.call('app.confirmAsk', {})).toMatchObject({ ok: false });
  });

  test('asked for by the window is launched when its dialog is confirmed, and asked about once', async () => {
    const asked: PageAsk[] = [];
    let answer = false;
    await open({ confirm: (one) => (asked.push(one), Promise.resolve(answer)) });
    const names = begun();
    expect(await ask(order())).toMatchObject({ ok: false, error: { code: 'page.notConfirmed' } });
    expect([...names]).toEqual([]);
    answer = true;
    for (let turn = 0; turn < 2; turn++) {
      expect(await ask(order())).toMatchObject({ ok: true });
      await centre.call('attack.cancel', {});
    }
    expect(asked).toHaveLength(2);
    answer = false;
    // Another statement, or another request, is another question.
    expect(await ask(order({ reset: { method: 'DELETE', path: '/all' } }))).toMatchObject({ ok: false });
    expect(asked).toHaveLength(3);
  });

  test('is neither a module, nor far without a word, nor with what only our own shop has', async () => {
    const asked: PageAsk[] = [];
    await open({ confirm: (one) => (asked.push(one), Promise.resolve(false)) });
    const codeOf = async (input: object) => {
      const result = await ask(input);
      return result.ok ? 'ok' : result.error.code;
    };
    expect(await codeOf(order({}, { use: { module: '/tmp/code.mjs' } }))).toBe('page.terminalOnly');
    expect(await codeOf(order({ url: 'http://8.8.8.8' }))).toBe('target.notPrivate');
    const far = { sql: 'SELECT 1', postgres: 'postgres://8.8.8.8/shop', buyer: 'buyer' };
    expect(await codeOf(order({ owners: far }))).toBe('target.notPrivate');
    const { settings, target } = order();
    expect(await codeOf({ settings: { ...settings, requests: 2_000_000 }, target })).toBe('target.tooMuch');
    expect(await codeOf({ settings: { ...settings, mode: 'shed' }, target })).toBe('target.unfit');
    expect(asked).toEqual([]);
    expect(await codeOf({ ...order({ url: 'http://8.8.8.8' }), isOwn: true })).toBe('page.notConfirmed');
    expect(asked[0]?.lines[0]).toMatch(
      /^NOT on this machine or network\. url: 8\.8\.8\.8 is 8\.8\.8\.8, which/,
    );
  });
});
