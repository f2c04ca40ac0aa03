/** A Redis of a test's own, on a free port and without any memory on disk: one that may be emptied and killed. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPrograms } from '../../control/cluster/native/find-programs.ts';
import { findFreePorts } from '../../control/lib/free-port.ts';
import { createRedis } from '../../services/shared/redis.ts';

export interface PrivateRedis {
  readonly url: string;
  /** Empties it as a crash without a disk would: all keys and all scripts at one moment. */
  loseMemory(): Promise<void>;
  close(): Promise<void>;
}

/** Starts the machine's `redis-server`; resolves when it answers. */
export async function startPrivateRedis(): Promise<PrivateRedis> {
  const { redis: binaries } = await findPrograms();
  if (!binaries) throw new Error('this machine has no redis-server');
  const [port] = await findFreePorts(1);
  if (port === undefined) throw new Error('no free port');
  const dir = mkdtempSync(join(tmpdir(), 'flashgrid-redis-'));
  const child = spawn(
    binaries.server,
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir],
    { stdio: 'ignore' },
  );
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const url = `redis://127.0.0.1:${port}`;
  const client = createRedis(url, { role: 'control' });
  const close = async () => {
    client.disconnect();
    child.kill('SIGKILL');
    await exited;
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    // The client goes on connecting until its command is answered.
    for (let tries = 1; ; tries++) {
      try {
        await client.ping();
        break;
      } catch (error) {
        if (tries === 20) throw error;
      }
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    url,
    loseMemory: async () => {
      await client.multi().flushall().script('FLUSH').exec();
    },
    close,
  };
}
