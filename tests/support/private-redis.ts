/** A Redis of a test's own, on a free port: one that may be emptied, killed, frozen and set back to an older file. */
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPrograms } from '../../control/cluster/native/find-programs.ts';
import { findFreePorts } from '../../control/lib/free-port.ts';
import { createRedis } from '../../services/shared/redis.ts';

export interface PrivateRedis {
  readonly url: string;
  /** Empties it as a crash without a disk would: all keys and all scripts at one moment. */
  loseMemory(): Promise<void>;
  /** Keeps a copy of its append-only file as it is now. */
  copyFile(): void;
  /** Stops it in the middle of whatever it does, without a word; `kill` ends that, too. */
  freeze(): void;
  /** Kills it with SIGKILL, as a crash does. */
  kill(): Promise<void>;
  /** Starts it from its append-only file as it is, from the copy, or without any; resolves when it answers. */
  start(from?: 'copy' | 'nothing'): Promise<void>;
  close(): Promise<void>;
}

/** The program: FLASHGRID_TEST_REDIS_SERVER, such as another version or Valkey, else the machine's. */
export async function redisServer(): Promise<string> {
  const program = process.env['FLASHGRID_TEST_REDIS_SERVER'] ?? (await findPrograms()).redis?.server;
  if (program === undefined) throw new Error('this machine has no redis-server');
  return program;
}

/**
 * Starts the machine's `redis-server`; resolves when it answers.
 * @param memory on `disk` it keeps an append-only file; else it has forgotten everything at each start
 */
export async function startPrivateRedis(memory: 'none' | 'disk' = 'none'): Promise<PrivateRedis> {
  const server = await redisServer();
  const [port] = await findFreePorts(1);
  if (port === undefined) throw new Error('no free port');
  const dir = mkdtempSync(join(tmpdir(), 'flashgrid-redis-'));
  const file = join(dir, 'appendonlydir');
  const copy = join(dir, 'copy');
  const url = `redis://127.0.0.1:${port}`;
  const client = createRedis(url, { role: 'control' });
  let child: ChildProcess;
  let exited: Promise<void>;
  const start = async (from?: 'copy' | 'nothing') => {
    if (from !== undefined) rmSync(file, { recursive: true });
    if (from === 'copy') cpSync(copy, file, { recursive: true });
    const persistence = ['--save', '', '--appendonly', memory === 'disk' ? 'yes' : 'no'];
    const address = ['--port', String(port), '--bind', '127.0.0.1'];
    child = spawn(server, [...address, ...persistence, '--dir', dir], { stdio: 'ignore' });
    exited = new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
    // The client goes on connecting until its command is answered.
    for (let tries = 1; ; tries++) {
      try {
        await client.ping();
        return;
      } catch (error) {
        if (tries === 20) throw error;
      }
    }
  };
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  const close = async () => {
    client.disconnect();
    await kill();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    url,
    loseMemory: async () => {
      await client.multi().flushall().script('FLUSH').exec();
    },
    copyFile: () => cpSync(file, copy, { recursive: true }),
    freeze: () => void child.kill('SIGSTOP'),
    kill,
    start,
    close,
  };
}
