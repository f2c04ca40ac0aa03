import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** A service that meets an error nobody hears, then says over its standard error that it lives. */
async function run(error: string): Promise<{ said: string; code: number | null }> {
  const script = `
    import { z } from 'zod';
    import { writeSync } from 'node:fs';
    import { runService } from ${JSON.stringify(join(import.meta.dirname, 'service-process.ts'))};
    await runService({
      role: 'worker',
      configSchema: z.object({}),
      stopLimitMs: () => 1_000,
      start: async () => {
        setInterval(() => {}, 1_000);
        setTimeout(() => { throw ${error}; }, 20);
        setTimeout(() => { void Promise.reject(${error}); }, 40);
        setTimeout(() => { writeSync(2, 'lives'); process.kill(process.pid, 'SIGHUP'); }, 200);
        return { port: 1, sample: () => ({}), stop: async () => {} };
      },
    });`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    // A log that can't be written: its disk is full.
    stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
    timeout: 15_000,
  });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { said, code };
}

test.skipIf(process.platform !== 'linux').concurrent(
  'a connection’s error that nobody heard, and a full disk under the log, end no service',
  async () => {
    const reset = `Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' })`;
    expect(await run(reset)).toEqual({ said: 'lives', code: 0 });
  },
  20_000,
);

test.skipIf(process.platform !== 'linux').concurrent(
  'an error that nothing foresaw ends a service with a code, though its last word can not be written',
  async () => {
    expect(await run(`new TypeError('undefined is not a function')`)).toEqual({ said: '', code: 1 });
  },
  20_000,
);
