import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { ConfigError, gatewayConfigSchema, parseConfig, workerConfigSchema } from './config.ts';
import { STOP_POINTS, STOP_POINT_IDS, requestStop, step } from './stop-points.ts';

const urls = {
  FLASHGRID_AMQP_URL: 'amqp://h',
  FLASHGRID_REDIS_URL: 'redis://h',
  FLASHGRID_POSTGRES_URL: 'postgres://h/d',
};

afterEach(() => requestStop(undefined, () => undefined));

describe('a stop point', () => {
  it('is passed where its role says, once in the sources and nowhere else', () => {
    const files = [
      '../gateway/frame-collector.ts',
      '../gateway/broker-link.ts',
      '../worker/frame-consumer.ts',
      '../worker/frame-processor.ts',
      'rebuild.ts',
    ];
    const found = files.flatMap((file) => {
      const text = readFileSync(join(import.meta.dirname, file), 'utf8');
      return [...text.matchAll(/\bstep\('([^']+)'\)/g)].map(([, id]) => ({ id, file }));
    });
    expect(found.map(({ id }) => id).sort()).toEqual([...STOP_POINT_IDS].sort());
    for (const { id, file } of found)
      expect(file, id).toMatch(id?.startsWith('gateway.') ? /gateway/ : /worker|rebuild/);
    for (const [id, { role }] of Object.entries(STOP_POINTS)) expect(id.startsWith(`${role}.`)).toBe(true);
  });

  it('lets the process stand still at the given time, and only once', () => {
    const said: string[] = [];
    requestStop({ point: 'worker.after-lua', count: 2, standMs: 60 }, (text) => said.push(text));
    const standing = (): number => {
      const startedMs = performance.now();
      step('worker.after-commit');
      step('worker.after-lua');
      return performance.now() - startedMs;
    };
    standing();
    expect(said).toEqual([]);
    expect(standing()).toBeGreaterThan(50);
    standing();
    expect(said).toEqual(['stands still for 60 ms as it was asked to, at worker.after-lua']);
  });

  it('is forgotten when the request is taken back', () => {
    const said: string[] = [];
    requestStop({ point: 'worker.after-lua', count: 1, standMs: 1 }, (text) => said.push(text));
    requestStop(undefined, (text) => said.push(text));
    step('worker.after-lua');
    expect(said).toEqual([]);
  });

  it('kills the process at once, but lets a published frame leave first', async () => {
    const run = (point: string): Promise<string> =>
      promisify(execFile)(process.execPath, [
        '--import',
        'tsx',
        '--input-type=module',
        '-e',
        `import { requestStop, step } from ${JSON.stringify(join(import.meta.dirname, 'stop-points.ts'))};
         import { writeSync } from 'node:fs';
         requestStop({ point: '${point}', count: 1 }, () => writeSync(1, 'dies '));
         step('${point}');
         writeSync(1, 'goes on ');
         setImmediate(() => writeSync(1, 'sends '));
         setTimeout(() => writeSync(1, 'lives'), 500);`,
      ]).then(
        () => 'ended by itself',
        (error: unknown) => {
          const { signal, stdout } = error as { signal: string; stdout: string };
          return `${signal}: ${stdout.trim()}`;
        },
      );
    expect(await run('worker.after-lua')).toBe('SIGKILL: dies');
    expect(await run('gateway.after-publish')).toBe('SIGKILL: goes on sends dies');
  });
});

describe('FLASHGRID_STOP_AT', () => {
  const worker = (text: string) =>
    parseConfig(workerConfigSchema, { ...urls, FLASHGRID_STOP_AT: text }).FLASHGRID_STOP_AT;

  it('names a point, how often, and how long to stand still', () => {
    expect(worker('worker.after-lua')).toEqual({ point: 'worker.after-lua', count: 1 });
    expect(worker('worker.after-lua:3')).toEqual({ point: 'worker.after-lua', count: 3 });
    expect(worker('worker.before-ack:1:5000')).toEqual({
      point: 'worker.before-ack',
      count: 1,
      standMs: 5_000,
    });
    expect(worker('')).toBeUndefined();
  });

  it.each([
    'worker.after-lunch',
    'gateway.after-read',
    'worker.after-lua:0',
    'worker.after-lua:x',
    'worker.after-lua:1:2:3',
    ':3',
    '*',
  ])('rejects %s and names what may stand there', (text) => {
    expect(() => worker(text)).toThrow(ConfigError);
    expect(() => worker(text)).toThrow(/FLASHGRID_STOP_AT: must be POINT.*worker\.after-lua/);
  });

  it('takes the points of its own role alone', () => {
    const gateway = { ...urls, FLASHGRID_ADMIN_TOKEN: 'a-token-of-sixteen' };
    const config = { ...gateway, FLASHGRID_STOP_AT: 'gateway.after-confirm:2' };
    expect(parseConfig(gatewayConfigSchema, config).FLASHGRID_STOP_AT).toEqual({
      point: 'gateway.after-confirm',
      count: 2,
    });
    expect(() =>
      parseConfig(gatewayConfigSchema, { ...gateway, FLASHGRID_STOP_AT: 'worker.after-lua' }),
    ).toThrow(/gateway\.after-read/);
  });
});
