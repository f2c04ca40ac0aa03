import { expect, test } from 'vitest';
import type { LogLine } from '../../../contract/state.ts';
import { levelOf, LineLimiter } from './logs.ts';

test.each([
  ['error', '2026-11-23 19:20:00.656 UTC [22] FATAL:  could not write to file'],
  ['error', '2026-11-23 19:32:45.060554+00:00 [error] <0.223.0> boom'],
  ['warn', '2026-11-23 19:32:45.060554+00:00 [warning] <0.223.0> hm'],
  ['warn', '1:M 23 Nov 2026 19:19:59.575 # WARNING Memory overcommit must be enabled!'],
  ['info', '1:M 23 Nov 2026 19:19:59.575 * Ready to accept connections'],
  ['info', '2026-11-23 19:20:00.664 UTC [1] LOG:  database system is ready to accept connections'],
  ['debug', '2026-11-23 19:32:45.060554+00:00 [debug] <0.223.0> detail'],
])('is %s: %s', (level, text) => {
  expect(levelOf(text)).toBe(level);
});

test('passes 200 lines a second, counts the rest, cuts long ones and drops colours and blanks', () => {
  const lines: LogLine[] = [];
  const limiter = new LineLimiter('redis', (line) => lines.push(line));
  for (let index = 0; index < 1_000; index++) limiter.add(`line ${index}`, 5_000);
  expect(lines).toHaveLength(200);
  limiter.add(`\u001b[31mred\u001b[0m ${'x'.repeat(10_000)}`, 6_000);
  limiter.add('   ', 6_001);
  expect(lines[200]).toMatchObject({ level: 'warn', text: '… 800 lines left out' });
  expect(lines[201]?.text.startsWith('red x')).toBe(true);
  expect(lines[201]?.text).toHaveLength(4_000);
  expect(lines).toHaveLength(202);
});
