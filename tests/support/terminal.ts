/** The built terminal command as a process of its own, as a person runs it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ProcessRegistry } from '../../control/processes/process-registry.ts';

export const CLI = resolve(import.meta.dirname, '../../out/main/cli.js');

export interface TerminalRun {
  readonly child: ChildProcess;
  /** All that it printed so far, both streams. */
  output(): string;
  /** Resolves when the output matches. @throws Error when the command ends before */
  printed(pattern: RegExp): Promise<void>;
  /** Resolves with the exit code, or 128 + 9 after a SIGKILL. */
  ended(): Promise<number>;
}

/** Starts `flashgrid ARGS`. */
export const flashgrid = (dataDir: string, ...args: string[]): TerminalRun =>
  runFlashgrid(CLI, dataDir, ...args);

/** The same of another build. */
export function runFlashgrid(cli: string, dataDir: string, ...args: string[]): TerminalRun {
  const child = spawn(process.execPath, [cli, ...args, '--data-dir', dataDir], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  });
  let output = '';
  const waiting = new Set<() => void>();
  const take = (chunk: Buffer) => {
    output += chunk.toString();
    for (const look of waiting) look();
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const closed = once(child, 'close').then(([code, signal]: unknown[]) =>
    typeof code === 'number' ? code : signal === 'SIGKILL' ? 137 : 143,
  );
  return {
    child,
    output: () => output,
    printed: (pattern) =>
      new Promise((done, fail) => {
        const look = () => {
          if (!pattern.test(output)) return;
          waiting.delete(look);
          done();
        };
        waiting.add(look);
        void closed.then(() => {
          if (waiting.delete(look)) fail(new Error(`ended without ${String(pattern)}:\n${output}`));
        });
        look();
      }),
    ended: () => closed,
  };
}

/** A data folder that Postgres may enter as its own user, and that is gone with the test. */
export async function temporaryDataDir(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = mkdtempSync(join(tmpdir(), 'fg-cli-'));
  await chmod(path, 0o755);
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** What of a data folder's cluster still lives: role and pid. */
export function survivors(dataDir: string): string[] {
  if (!existsSync(join(dataDir, 'cluster-id.json'))) return [];
  return new ProcessRegistry(dataDir).findProcesses().map(({ role, pid }) => `${role} (${pid})`);
}
