import { PassThrough } from 'node:stream';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { parseServiceLine, readLines } from './log-reader.ts';

it('puts lines together that come in pieces, and gives the last one without an end', async () => {
  const stream = new PassThrough();
  const lines: string[] = [];
  readLines(stream, (line) => lines.push(line));
  stream.write('one\ntw');
  stream.write('o\r\n\nthr');
  stream.end(Buffer.from('ée'));
  await once(stream, 'close');
  expect(lines).toEqual(['one', 'two', 'thrée']);
});

it('reads pino’s lines with level, time and fields', () => {
  const text = JSON.stringify({
    level: 40,
    time: 123,
    pid: 1,
    msg: 'broker lost',
    tries: 3,
    at: 'a b',
    limits: { max: 1 },
  });
  expect(parseServiceLine('gateway-1', text, 'info', 999)).toEqual({
    atMs: 123,
    part: 'gateway-1',
    level: 'warn',
    text: 'broker lost tries=3 at="a b" limits={max=1}',
  });
});

it.each([3_600_000, -3_600_000])(
  'gives a line of a clock that is wrong by %i ms the time when it came',
  (byMs) => {
    const text = JSON.stringify({ level: 30, time: 5_000_000 + byMs, msg: 'ready' });
    expect(parseServiceLine('gateway-1', text, 'info', 5_000_000).atMs).toBe(5_000_000);
  },
);

it('shows any other text as it came', () => {
  expect(parseServiceLine('worker-1', '{not json', 'error', 5)).toEqual({
    atMs: 5,
    part: 'worker-1',
    level: 'error',
    text: '{not json',
  });
});
