import { describe, expect, it } from 'vitest';
import { settingsSchema, type Settings } from '../../contract/settings.ts';
import { FailureError } from '../../contract/failure.ts';
import { maskSettings, unmaskSettings } from './settings-masks.ts';

const withUrls = (external: Partial<Settings['external']>) => settingsSchema.parse({ external });
const stored = withUrls({
  amqpUrl: 'amqp://flashgrid:flashgrid@a:5672/v,amqp://flashgrid:other-one@b:5672/v',
  redisUrl: 'rediss://:p"a ss@host:6379/1',
  postgresUrl: 'postgres://u:pa,ss@host/db?password=hidden&sslmode=require',
});

describe('the passwords of external URLs', () => {
  it('go out masked, and nothing else of the settings changes', () => {
    expect(maskSettings(stored)).toEqual({
      ...stored,
      external: {
        amqpUrl: 'amqp://flashgrid:***@a:5672/v,amqp://flashgrid:***@b:5672/v',
        redisUrl: 'rediss://:***@host:6379/1',
        postgresUrl: 'postgres://u:***@host/db?password=***&sslmode=require',
      },
    });
    expect(maskSettings(withUrls({}))).toEqual(withUrls({}));
    const open = withUrls({ redisUrl: 'redis://host' });
    expect(maskSettings(open)).toEqual(open);
  });

  it('are kept when the settings come back as they went out', () => {
    expect(unmaskSettings(maskSettings(stored), stored)).toEqual(stored);
    const change = { ...maskSettings(stored), workers: 3 };
    expect(unmaskSettings(change, stored)).toEqual({ ...stored, workers: 3 });
  });

  it.each<[string, Partial<Settings['external']>, Partial<Settings['external']>]>([
    [
      'another database',
      { postgresUrl: 'postgres://u:***@host/other?password=***&sslmode=require' },
      { postgresUrl: 'postgres://u:pa,ss@host/other?password=hidden&sslmode=require' },
    ],
    [
      'one node fewer',
      { amqpUrl: 'amqp://flashgrid:***@b:5672/v' },
      { amqpUrl: 'amqp://flashgrid:other-one@b:5672/v' },
    ],
    ['a new password', { redisUrl: 'redis://:new@elsewhere' }, { redisUrl: 'redis://:new@elsewhere' }],
    ['no password', { redisUrl: 'redis://elsewhere' }, { redisUrl: 'redis://elsewhere' }],
    ['no URL', { redisUrl: '' }, { redisUrl: '' }],
  ])('follow a change to %s', (_what, change, kept) => {
    const masked = maskSettings(stored);
    const asked = { ...masked, external: { ...masked.external, ...change } };
    expect(unmaskSettings(asked, stored).external).toEqual({ ...stored.external, ...kept });
  });

  it('of a URL with several hosts are kept with that very URL alone', () => {
    const url = 'redis+sentinel://:pa,ss@a:1,b:2/shop?sentinelPassword=hidden';
    const known = withUrls({ redisUrl: url });
    const masked = maskSettings(known);
    expect(masked.external.redisUrl).toBe('redis+sentinel://:***@a:1,b:2/shop?sentinelPassword=***');
    expect(unmaskSettings(masked, known)).toEqual(known);
    for (const change of [
      'redis+sentinel://:***@a:1,evil:2/shop?sentinelPassword=***',
      'redis+sentinel://:***@a:1,b:2/shop',
      'redis+sentinel://:typed@a:1,b:2/shop?sentinelPassword=***',
      'redis+cluster://:***@a:1,b:2',
      'redis://:***@a:1',
    ])
      expect(() => unmaskSettings(withUrls({ redisUrl: change }), known)).toThrow(
        /external\.redisUrl: \*\*\*/,
      );
    const typed = withUrls({ redisUrl: 'redis+sentinel://:typed@a:1/shop' });
    expect(unmaskSettings(typed, known)).toEqual(typed);
  });

  it.each<[string, Partial<Settings['external']>]>([
    ['host', { redisUrl: 'rediss://:***@evil:6379/1' }],
    ['port', { redisUrl: 'rediss://:***@host:6380/1' }],
    ['scheme, which drops TLS', { redisUrl: 'redis://:***@host:6379/1' }],
    ['user', { redisUrl: 'rediss://me:***@host:6379/1' }],
    ['host in one of several', { amqpUrl: 'amqp://flashgrid:***@a:5672/v,amqp://flashgrid:***@evil:5672/v' }],
    // The client of Postgres takes the host from there.
    ['host in the options', { postgresUrl: 'postgres://u:***@host/db?password=***&host=evil' }],
    ['options that hide a mask', { postgresUrl: 'postgres://u:typed@evil/db?password=***' }],
  ])('are never used for another %s', (_what, change) => {
    const masked = maskSettings(stored);
    const asked = { ...masked, external: { ...masked.external, ...change } };
    const field = `external.${Object.keys(change)[0] ?? ''}`;
    let failure: unknown;
    try {
      unmaskSettings(asked, stored);
    } catch (error) {
      failure = error instanceof FailureError ? error.failure : error;
    }
    expect(failure).toMatchObject({
      code: 'settings.maskedPassword',
      field,
      message: expect.stringContaining(field) as string,
    });
    expect(JSON.stringify(failure)).not.toMatch(/hidden|other-one|pa,ss/);
  });
});
