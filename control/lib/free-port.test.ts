import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { findFreePorts, isPortFree } from './free-port.ts';

test('the ports are different, free, and below those of outgoing connections', async () => {
  const ports = await findFreePorts(20);
  expect(new Set(ports).size).toBe(20);
  for (const port of ports) {
    expect(port).toBeGreaterThanOrEqual(15_000);
    expect(port).toBeLessThan(30_000);
    expect(await isPortFree(port)).toBe(true);
  }
});

test('a port that somebody listens on is not free, and is free again afterwards', async () => {
  const [port = 0] = await findFreePorts(1);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  expect(await isPortFree(port)).toBe(false);
  await new Promise((resolve) => server.close(resolve));
  expect(await isPortFree(port)).toBe(true);
});
