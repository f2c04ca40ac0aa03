/**
 * Entry of a little server that stands still in a known way: it answers each request at once, but does nothing at all for a
 * while, again and again. It notes each time that it stood still, also where the machine had no time for it. It ends when its
 * channel closes.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { scheduleSchema, type Stall, type StallingReply } from './stalls.ts';

const BEAT_MS = 5;
/** ms without a beat from which it stood still. */
const STALL_MS = 15;

const stalls: Stall[] = [];
const sleeper = new Int32Array(new SharedArrayBuffer(4));
const nowMs = () => performance.timeOrigin + performance.now();
let beatMs = nowMs();

const server = createServer((request, response) => {
  // The answers to what waited come before the next beat.
  beat();
  request.resume();
  response.writeHead(202).end();
});

process.once('disconnect', () => process.exit(0));
process.on('SIGINT', () => undefined);
process.on('message', (raw) => {
  if (raw === 'stalls') return send({ stalls });
  const { atMs, lengthMs } = scheduleSchema.parse(raw);
  for (const at of atMs)
    setTimeout(
      () => {
        beat();
        Atomics.wait(sleeper, 0, 0, lengthMs);
        beat();
      },
      Math.max(0, at - nowMs()),
    );
});

server.listen(0, '127.0.0.1', () => send({ port: (server.address() as AddressInfo).port }));
setInterval(beat, BEAT_MS);

function beat(): void {
  const atMs = nowMs();
  if (atMs - beatMs > STALL_MS) stalls.push({ fromMs: beatMs, toMs: atMs });
  beatMs = atMs;
}

function send(reply: StallingReply): void {
  process.send?.(reply);
}
