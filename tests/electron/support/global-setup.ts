/** What every test of the real Electron needs: Electron itself, and a display of the test run's own with a window manager. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import type { Readable } from 'node:stream';
import type { TestProject } from 'vitest/node';
import { ensureTestElectron } from '../../../scripts/setup/electron.mjs';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of the X server: `:99`. */
    readonly display: string;
  }
}

const LIMIT_MS = 20_000;

/** Provides `display`. */
export default async function setup(project: TestProject): Promise<() => void> {
  await ensureTestElectron();
  const running: ChildProcess[] = [];
  const stop = () => running.reverse().forEach((child) => child.kill());
  try {
    // It takes the first display that is free, and writes its number to the fourth descriptor once it serves.
    const server = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1600x1000x24', '-nolisten', 'tcp'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    running.push(server);
    const [number] = (await once(server.stdio[3] as Readable, 'data', {
      signal: AbortSignal.timeout(LIMIT_MS),
    })) as [Buffer];
    const display = `:${number.toString().trim()}`;
    running.push(spawn('openbox', { env: { ...process.env, DISPLAY: display }, stdio: 'ignore' }));
    project.provide('display', display);
  } catch (error) {
    stop();
    throw error;
  }
  return stop;
}
