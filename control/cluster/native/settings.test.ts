import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { choosePorts, openSettings } from './settings.ts';

function settingsPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'flashgrid-settings-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, 'settings.json');
}

test('keeps the ports it has when none is chosen', async () => {
  const path = settingsPath();
  const settings = await openSettings(path);
  expect(await choosePorts(path, settings, {})).toBe(settings);
});

test('takes the port that is chosen, and keeps it for the next start', async () => {
  const path = settingsPath();
  const chosen = await choosePorts(path, await openSettings(path), { redis: 16_379 });
  expect(chosen.ports.redis).toBe(16_379);
  expect(await openSettings(path)).toEqual(chosen);
});

test('moves another use of the chosen port out of the way', async () => {
  const path = settingsPath();
  const { ports } = await openSettings(path);
  const chosen = await choosePorts(path, await openSettings(path), { redis: ports.epmd });
  expect(chosen.ports.redis).toBe(ports.epmd);
  expect(chosen.ports.epmd).not.toBe(ports.epmd);
});
