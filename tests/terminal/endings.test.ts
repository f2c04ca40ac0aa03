/**
 * Every way in which a command may lose what it hangs on: its reader, its terminal, its control centre; and what a crash left for the next one.
 * Nothing may stay behind, and nothing may be a dead end.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CLI, flashgrid, survivors, temporaryDataDir } from '../support/terminal.ts';

const SMALL = ['--provider', 'native', '--requests', '300', '--connections', '30', '--stock', '5'];

async function inNewDataDir(test: (dataDir: string) => Promise<void>): Promise<void> {
  const { path, remove } = await temporaryDataDir();
  try {
    await test(path);
  } finally {
    await flashgrid(path, 'down').ended();
    await remove();
  }
}

const instanceOf = (dataDir: string) =>
  JSON.parse(readFileSync(join(dataDir, 'control.json'), 'utf8')) as { pid: number };

describe.concurrent('a demo', () => {
  it.each([
    ['while the backends start', /Adopt or clear/],
    ['in the middle of the attack', /Cluster ready/],
  ])('whose reader ends %s stops everything it started', (_when, seen) =>
    inNewDataDir(async (dataDir) => {
      const run = flashgrid(dataDir, 'demo', ...SMALL);
      await run.printed(seen);
      run.child.stdout?.destroy();
      expect(await run.ended(), run.output()).toBe(130);
      expect(run.output()).not.toMatch(/EPIPE|\n\s+at /);
      expect(survivors(dataDir)).toEqual([]);
    }),
  );

  it('whose terminal is closed stops everything it started', () =>
    inNewDataDir(async (dataDir) => {
      // A terminal of its own: closed, it hangs up on the demo, and every later write fails.
      const script = `
import os, pty, sys
pid, fd = pty.fork()
if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])
text = b''
while b'Adopt or clear' not in text: text += os.read(fd, 4096)
os.close(fd)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))`;
      const terminal = spawn('python3', [
        '-c',
        script,
        process.execPath,
        CLI,
        'demo',
        ...SMALL,
        '--data-dir',
        dataDir,
      ]);
      let said = '';
      terminal.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
      terminal.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
      await once(terminal, 'close');
      // By SIGHUP, as everything on a terminal that is closed.
      expect(said.trim()).toBe('-1');
      expect(survivors(dataDir)).toEqual([]);
    }));
});

describe.concurrent('a control centre in the background', () => {
  it(
    'is found by asking it, joined by whoever comes second, missed at once, and cleared by `down`',
    () =>
      inNewDataDir(async (dataDir) => {
        // What a crash left: this very test has the pid, and nobody the port.
        const stale = {
          pid: process.pid,
          startedAt: '1@x',
          port: 1,
          token: 'x',
          url: 'http://x/',
          version: '0',
        };
        writeFileSync(join(dataDir, 'control.json'), JSON.stringify(stale));
        const status = flashgrid(dataDir, 'status');
        expect(await status.ended()).toBe(0);
        expect(status.output()).toMatch(/Nothing runs .*`npm run flashgrid -- up`/);

        const both = [1, 2].map(() => flashgrid(dataDir, 'up', '--provider', 'native'));
        for (const up of both) expect(await up.ended(), up.output()).toBe(0);
        const third = flashgrid(dataDir, 'up');
        expect(await third.ended(), third.output()).toBe(0);
        expect(third.output()).toMatch(/runs already/);
        expect(third.output()).not.toMatch(/Start RabbitMQ/);

        const first = flashgrid(dataDir, 'down');
        expect(await first.ended(), first.output()).toBe(0);
        expect(first.output()).toMatch(/✓ Stop gateways and workers[\s\S]*✓ Stop the backends[\s\S]*is down/);
        expect(survivors(dataDir)).toEqual([]);

        const again = flashgrid(dataDir, 'up', '--provider', 'native');
        expect(await again.ended(), again.output()).toBe(0);
        const attack = flashgrid(
          dataDir,
          'attack',
          '--rate',
          '200',
          '--duration',
          '30',
          '--connections',
          '30',
        );
        await attack.printed(/attacking +[1-9]/);
        process.kill(instanceOf(dataDir).pid, 'SIGKILL');
        expect(await attack.ended(), attack.output()).toBe(6);
        expect(attack.output()).toMatch(/connection to the running FlashGrid was lost[\s\S]*→ /);
        const down = flashgrid(dataDir, 'down');
        expect(await down.ended(), down.output()).toBe(0);
        expect(survivors(dataDir)).toEqual([]);
      }),
    120_000,
  );

  it('that is frozen is ended by `down`', () =>
    inNewDataDir(async (dataDir) => {
      const serve = flashgrid(dataDir, 'serve');
      await serve.printed(/Ctrl-C stops/);
      serve.child.kill('SIGSTOP');
      const down = flashgrid(dataDir, 'down');
      expect(await down.ended(), down.output()).toBe(0);
      expect(await serve.ended()).toBe(137);
    }));
});

it('a result that can not be written is told, by a code too', async () => {
  const { path, remove } = await temporaryDataDir();
  const child = spawn('sh', [
    '-c',
    `exec "$0" "$@" >/dev/full`,
    process.execPath,
    CLI,
    'status',
    '--data-dir',
    path,
  ]);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  expect(said).toMatch(/can't be written: ENOSPC[\s\S]*→ /);
  expect(code).toBe(6);
  await remove();
});
