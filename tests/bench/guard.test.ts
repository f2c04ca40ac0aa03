import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';

const BENCH = resolve(import.meta.dirname, 'main.ts');

it('the gateway keeps its share of what a bare route does', async () => {
  const bench = spawn(process.execPath, ['--import', 'tsx', BENCH, '--guard'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  bench.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(bench, 'close')) as [number | null];
  console.log(output.trim());
  expect(code, output).toBe(0);
}, 240_000);
