import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ControlCentre } from '../control-centre.ts';
import { settingsSchema } from '../../contract/settings.ts';
import { guardedChanges, type SettingsGuardOptions } from './settings-guard.ts';

const defaults = settingsSchema.parse({});
const changed = settingsSchema.parse({
  images: { redis: 'evil/redis' },
  external: { amqpUrl: 'amqp://u:SECRET@evil' },
});

describe('a change of images and external URLs', () => {
  let dataDir = '';
  let centre: ControlCentre;
  const open = async (settingsGuard: SettingsGuardOptions) => {
    centre = await ControlCentre.open({
      dataDir,
      version: '0',
      modules: { gateway: '', worker: '', generator: '', links: '', reroute: '', shop: '' },
      childEnv: {},
      settingsGuard,
      onQuit: () => undefined,
    });
  };
  const saved = () => {
    const path = join(dataDir, 'settings.json');
    return existsSync(path) ? settingsSchema.parse(JSON.parse(readFileSync(path, 'utf8'))) : defaults;
  };
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'flashgrid-guard-'));
  });
  afterEach(async () => {
    await (centre as ControlCentre | undefined)?.release();
    rmSync(dataDir, { recursive: true, force: true });
  });

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
    const sly = settingsSchema.parse({ images: { redis: 'x\u001b[2Jy\nz' } });
    expect(guardedChanges(defaults, sly)).toEqual(['images.redis: redis:8-alpine → x?[2Jy?z']);
  });

  test('asked for by a page waits for a terminal, and only that change is saved', async () => {
    const told: string[] = [];
    await open({ onPending: (lines) => void told.push(...lines) });
    expect(await centre.dispatch('settings.saveSettings', changed, 'page')).toMatchObject({
      ok: false,
      error: {
        code: 'settings.needsConfirmation',
        fix: expect.stringContaining(' confirm`') as string,
      },
    });
    expect(saved()).toEqual(defaults);
    expect(told).toHaveLength(2);
    const first = await centre.call('settings.confirmChange', {});
    expect(await centre.dispatch('settings.confirmChange', {}, 'page')).toMatchObject({
      ok: false,
      error: { code: 'settings.terminalOnly' },
    });
    // The page asks for something else while the person reads the first.
    await centre.dispatch(
      'settings.saveSettings',
      { ...changed, images: { ...changed.images, redis: 'worse' } },
      'page',
    );
    const late = await centre.call('settings.confirmChange', { id: first.ok ? first.value.id : '' });
    expect(late).toMatchObject({ ok: false, error: { code: 'settings.nothingToConfirm' } });
    const second = await centre.call('settings.confirmChange', {});
    await centre.call('settings.confirmChange', { id: second.ok ? second.value.id : '' });
    expect(saved().images.redis).toBe('worse');
    expect(await centre.call('settings.confirmChange', {})).toMatchObject({ ok: false });
  });

  test('asked for by the window is saved when its dialog is confirmed, and never else', async () => {
    let answer = false;
    await open({ confirm: () => Promise.resolve(answer) });
    const result = await centre.dispatch('settings.saveSettings', changed);
    expect(result).toMatchObject({ ok: false, error: { code: 'settings.notConfirmed' } });
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
