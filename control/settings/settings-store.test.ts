import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FailureError } from '../../contract/failure.ts';
import { settingsSchema } from '../../contract/settings.ts';
import { SettingsStore } from './settings-store.ts';

const SECRET = 'postgresql://me:secret@host/db';
let dir = '';
let path = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'flashgrid-settings-'));
  path = join(dir, 'settings.json');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function load(text?: string): Promise<SettingsStore> {
  if (text !== undefined) writeFileSync(path, text);
  const store = new SettingsStore(path);
  await store.load();
  return store;
}

describe('the settings file', () => {
  it('gives the defaults while there is none, and what was saved afterwards, without a word', async () => {
    const store = await load();
    expect(store.current).toEqual(settingsSchema.parse({}));
    store.save({ ...store.current, gateways: 3 });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const again = await load();
    expect([again.current.gateways, again.notice]).toEqual([3, undefined]);
    expect(readdirSync(dir)).toEqual(['settings.json']);
  });

  it('takes the ports of a file that version 0.1 wrote, under their new name', async () => {
    const store = await load(JSON.stringify({ enginePorts: { redis: 6_400 } }));
    expect([store.current.backendPorts.redis, store.notice]).toEqual([6_400, undefined]);
  });

  it.each<[string, object, RegExp]>([
    ['a key of a newer version', { telemetryEndpoint: SECRET }, /no setting telemetryEndpoint/],
    ['a nested one', { limits: { memoryMb: 512, swap: 1 } }, /no setting limits\.swap/],
    ['a value out of range', { workers: 99 }, /workers has a value/],
    ['a group that is none', { images: 'redis' }, /images is not a group/],
    [
      'a URL of another kind',
      { external: { postgresUrl: SECRET, amqpUrl: 'htp://x' } },
      /external\.amqpUrl has a value/,
    ],
    [
      'a name of every object',
      { constructor: 1, toString: 1 },
      /no setting constructor.*no setting toString/,
    ],
  ])('keeps all that it can use beside %s, and the file as it was', async (_what, wrong, message) => {
    const text = JSON.stringify({
      provider: 'native',
      gateways: 3,
      external: { postgresUrl: SECRET },
      ...wrong,
    });
    const store = await load(text);
    expect(store.current).toMatchObject({
      provider: 'native',
      gateways: 3,
      workers: 1,
      external: { postgresUrl: SECRET },
    });
    expect(store.notice?.message).toMatch(message);
    expect(JSON.stringify(store.notice)).not.toContain('secret');
    expect(store.notice?.fix).toContain(`${path}.damaged`);
    expect(readFileSync(`${path}.damaged`, 'utf8')).toBe(text);
    // The next start finds what was kept, and has nothing to tell.
    const next = await load();
    expect([next.current, next.notice]).toEqual([store.current, undefined]);
    store.save(store.current);
    expect(store.notice).toBeUndefined();
  });

  it.each(['', '{"provider":"nat', 'xx', '[]', 'null'])(
    'gives the defaults for %j, and never overwrites an earlier one',
    async (text) => {
      for (const [at, name] of ['settings.json.damaged', 'settings.json.damaged-2'].entries()) {
        const store = await load(`${text}${' '.repeat(at)}`);
        expect(store.current).toEqual(settingsSchema.parse({}));
        expect(store.notice?.fix).toContain(name);
        expect(readFileSync(join(dir, name), 'utf8')).toBe(`${text}${' '.repeat(at)}`);
      }
    },
  );

  it('says so when it is a folder, also to who saves', async () => {
    mkdirSync(path);
    const store = await load();
    expect(store.notice?.message).toContain("can't be read");
    expect(() => store.save(store.current)).toThrow(FailureError);
  });
});
