import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { BackendRestarts } from './backend-restarts.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function keep(restart: (signal: AbortSignal) => Promise<void>) {
  const told: string[] = [];
  const lines: string[] = [];
  const restarts = new BackendRestarts({
    restart: (_role, signal) => restart(signal),
    onState: (_role, state, detail) => told.push(`${state}: ${detail}`),
    onLog: (level, text) => lines.push(`${level} ${text}`),
  });
  return { restarts, told, lines };
}

it('starts a backend again that ended, once however often its end is told', async () => {
  const restart = vi.fn(() => Promise.resolve());
  const { restarts, told, lines } = keep(restart);
  await vi.advanceTimersByTimeAsync(60_000);
  restarts.ended('redis', 'Redis ended by itself (signal SIGKILL).');
  restarts.ended('redis', 'Redis is gone.');
  expect(restarts.isBusy('redis')).toBe(true);
  expect(told).toEqual(['restarting: Redis ended by itself (signal SIGKILL). It is started again now.']);
  await vi.advanceTimersByTimeAsync(300);
  expect(restart).toHaveBeenCalledTimes(1);
  expect(restarts.isBusy('redis')).toBe(false);
  expect(restarts.count('redis')).toBe(1);
  expect(lines.at(-1)).toMatch(/^info Redis serves again/);
});

it('counts one as failed that ends again and again, and starts it all the same once its cause is gone', async () => {
  let isDiskFull = true;
  const { restarts, told } = keep(() =>
    isDiskFull ? Promise.reject(new Error('No space left on the disk.')) : Promise.resolve(),
  );
  restarts.ended('postgres', 'Postgres ended by itself (exit code 1).');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told.filter((text) => text.startsWith('restarting')).length).toBeGreaterThanOrEqual(5);
  expect(told.at(-1)).toMatch(
    /^failed: Postgres could not be started again: No space left on the disk\. It is started again in \d+ s, after \d+ ends in a row\.$/,
  );
  isDiskFull = false;
  await vi.advanceTimersByTimeAsync(11_000);
  expect(restarts.isBusy('postgres')).toBe(false);
});

it('leaves a member away until another one can have followed it', async () => {
  const restart = vi.fn(() => Promise.resolve());
  const { restarts, told } = keep(restart);
  await vi.advanceTimersByTimeAsync(60_000);
  restarts.ended('redis-2', 'redis-2 was killed.', 8_000);
  expect(told).toEqual(['restarting: redis-2 was killed. It is started again in 8 s.']);
  await vi.advanceTimersByTimeAsync(7_900);
  expect(restart).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(200);
  expect(restart).toHaveBeenCalledTimes(1);
});

it('gives up none that is killed on purpose, however often', async () => {
  const { restarts, told } = keep(() => Promise.resolve());
  for (let kills = 0; kills < 12; kills++) {
    restarts.expectKill('rabbitmq');
    restarts.ended('rabbitmq', 'RabbitMQ was killed.');
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(restarts.count('rabbitmq')).toBe(12);
  expect(told.every((text) => text.startsWith('restarting'))).toBe(true);
});

it('lets a stop end what it has begun, and begins nothing after it', async () => {
  const restart = vi.fn(
    (signal: AbortSignal) =>
      new Promise<void>((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('cancelled')));
      }),
  );
  const { restarts } = keep(restart);
  restarts.ended('redis', 'Redis ended.');
  await vi.advanceTimersByTimeAsync(1_000);
  await restarts.close();
  restarts.ended('redis', 'Redis ended.');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(restart).toHaveBeenCalledTimes(1);
});
