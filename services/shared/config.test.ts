import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ConfigError, gatewayConfigSchema, maskSecrets, parseConfig, workerConfigSchema } from './config.ts';

const urls = {
  FLASHGRID_AMQP_URL: 'amqp://u:p@127.0.0.1:5672',
  FLASHGRID_REDIS_URL: 'redis://:p@127.0.0.1:6379',
  FLASHGRID_POSTGRES_URL: 'postgresql://u:p@127.0.0.1:5432/flashgrid',
};
const gateway = { ...urls, FLASHGRID_ADMIN_TOKEN: 'a-token-of-sixteen' };

describe('the services’ configuration', () => {
  it('takes the defaults for what is not set, and for what is set to nothing', () => {
    expect(parseConfig(gatewayConfigSchema, { ...gateway, FLASHGRID_MAX_FRAME: '' })).toMatchObject({
      FLASHGRID_MAX_FRAME: 512,
      FLASHGRID_NAMESPACE: 'fg',
    });
    expect(parseConfig(workerConfigSchema, { ...urls, FLASHGRID_PREFETCH: '7' })).toMatchObject({
      FLASHGRID_PREFETCH: 7,
    });
  });

  it.each([
    'redis://a:1,redis://b:2',
    'redis+cluster://:hunter2@a:1,b:2',
    'redis+sentinel://:hunter2@a,b/shop',
  ])('takes a Redis of several servers, and hides its password: %s', (url) => {
    const config = parseConfig(workerConfigSchema, { ...urls, FLASHGRID_REDIS_URL: url });
    expect(JSON.stringify(maskSecrets(config))).not.toMatch(/hunter/);
  });

  it('takes the nodes of a RabbitMQ cluster, and hides the password of each', () => {
    const config = parseConfig(gatewayConfigSchema, {
      ...gateway,
      FLASHGRID_AMQP_URL: 'amqp://u:hunter2@a:1,amqps://u:hunter3@b:2/vhost',
    });
    expect(JSON.stringify(maskSecrets(config))).not.toMatch(/hunter/);
  });

  it.each([
    ['FLASHGRID_AMQP_URL', 'amqp://a:1,http://b'],
    ['FLASHGRID_AMQP_URL', 'http://x'],
    ['FLASHGRID_MAX_FRAME', '513'],
    ['FLASHGRID_MAX_FRAME', '0'],
    ['FLASHGRID_GATEWAY_PORT', '70000'],
    ['FLASHGRID_ADMIN_TOKEN', 'short'],
    ['FLASHGRID_NAMESPACE', 'With Space'],
    ['FLASHGRID_REDIS_URL', 'redis://a, redis://b'],
    ['FLASHGRID_REDIS_URL', 'redis+sentinel://a:1,b:2'],
  ])('refuses %s=%s and names it', (name, value) => {
    expect(() => parseConfig(gatewayConfigSchema, { ...gateway, [name]: value })).toThrow(ConfigError);
    expect(() => parseConfig(gatewayConfigSchema, { ...gateway, [name]: value })).toThrow(name);
  });

  it('is logged without tokens and passwords', () => {
    const text = JSON.stringify(
      maskSecrets(
        parseConfig(gatewayConfigSchema, { ...gateway, FLASHGRID_AMQP_URL: 'amqp://u:hunter2@h:1' }),
      ),
    );
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain('a-token-of-sixteen');
    expect(text).toContain('amqp://u:***@h:1');
  });
});

describe('.env.example', () => {
  const lines = readFileSync('.env.example', 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const example = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );

  it('names every variable and no other', () => {
    expect(new Set(Object.keys(example))).toEqual(
      new Set([...Object.keys(gatewayConfigSchema.shape), ...Object.keys(workerConfigSchema.shape)]),
    );
  });

  it('shows the defaults', () => {
    const shown = {
      ...parseConfig(gatewayConfigSchema, example),
      ...parseConfig(workerConfigSchema, example),
    };
    const defaults = {
      ...parseConfig(gatewayConfigSchema, gateway),
      ...parseConfig(workerConfigSchema, urls),
    };
    for (const [name, value] of Object.entries(defaults))
      if (!(name in gateway)) expect([name, shown[name as keyof typeof shown]]).toEqual([name, value]);
  });
});
