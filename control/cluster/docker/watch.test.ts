import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { expect, it, onTestFinished } from 'vitest';
import { EventWatch } from './watch.ts';

/** A container runtime that tells what the test writes, over a socket that the test may break. */
async function daemon(): Promise<{ docker: Docker; streams: ServerResponse[] }> {
  const dir = mkdtempSync(join(tmpdir(), 'flashgrid-watch-'));
  const socketPath = join(dir, 's');
  const streams: ServerResponse[] = [];
  const server = createServer((_, response) => {
    response.writeHead(200);
    response.flushHeaders();
    streams.push(response);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  onTestFinished(() => {
    server.close().closeAllConnections();
    rmSync(dir, { recursive: true });
  });
  return { docker: new Docker({ socketPath }), streams };
}

it('outlives garbage, a line without an end and a broken socket, and hears what comes after', async () => {
  const { docker, streams } = await daemon();
  const told: string[] = [];
  const watch = await EventWatch.open(docker, 'fg-test', {
    onEvent: ({ action }) => told.push(action),
    onLost: () => told.push('lost'),
    onBack: () => told.push('back'),
  });
  onTestFinished(() => watch.close());
  const event = (action: string) => `${JSON.stringify({ Action: action, Actor: { ID: 'x' } })}\n`;
  streams[0]?.write(`{nonsense\n[]\nnull\n${event('die')}`);
  await expect.poll(() => told).toEqual(['die']);
  streams[0]?.write('x'.repeat(5_000_000));
  streams[0]?.write(`\n${event('start')}${event('half').slice(0, 9)}`);
  await expect.poll(() => told).toEqual(['die', 'start']);
  streams[0]?.socket?.destroy();
  await expect.poll(() => told).toEqual(['die', 'start', 'lost', 'back']);
  streams[1]?.write(event('stop'));
  await expect.poll(() => told).toEqual(['die', 'start', 'lost', 'back', 'stop']);
});
