/** Stands in for `app`: readiness, paths, the single-instance lock and the order in which quitting goes. */
import { EventEmitter } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { closeBrowser } from './chromium.ts';
import { PreventableEvent } from './preventable.ts';
import { record } from './recorder.ts';

export interface QuittableWindow {
  close(): void;
  destroy(): void;
  isDestroyed(): boolean;
}

class AppStandIn extends EventEmitter {
  readonly isPackaged = false;
  readonly windows = new Set<QuittableWindow>();
  isReady = false;
  isSandboxed = false;
  #paths = new Map<string, string>();
  #ready = new Promise<void>((resolve) => {
    // Electron is ready after the entry's own imports and first statements have run.
    setImmediate(() => {
      this.isReady = true;
      this.emit('ready');
      resolve();
    });
  });

  whenReady(): Promise<void> {
    return this.#ready;
  }

  enableSandbox(): void {
    if (this.isReady) throw new Error('app.enableSandbox() can only be called before app is ready');
    this.isSandboxed = true;
  }

  setAppUserModelId(id: string): void {
    record('appUserModelId', id);
  }

  setPath(name: string, path: string): void {
    if (!existsSync(path)) throw new Error(`Failed to set path: ${path} does not exist`);
    this.#paths.set(name, path);
  }

  getPath(name: string): string {
    return this.#paths.get(name) ?? '/tmp';
  }

  requestSingleInstanceLock(): boolean {
    const path = join(this.getPath('userData'), 'stand-in.lock');
    mkdirSync(this.getPath('userData'), { recursive: true });
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
    } catch {
      // The real one sends a message to the first instance; here a signal carries it.
      process.kill(Number(readFileSync(path, 'utf8')), 'SIGUSR2');
      return false;
    }
    process.on('SIGUSR2', () => this.emit('second-instance', new PreventableEvent(), [], '/', undefined));
    process.on('exit', () => rmSync(path, { force: true }));
    return true;
  }

  quit(): void {
    const event = new PreventableEvent();
    this.emit('before-quit', event);
    if (event.defaultPrevented) return;
    for (const window of this.windows) window.close();
    if (this.windows.size > 0) return;
    this.emit('will-quit', new PreventableEvent());
    this.#end(0);
  }

  exit(code = 0): void {
    for (const window of this.windows) window.destroy();
    this.#end(code);
  }

  windowGone(window: QuittableWindow): void {
    this.windows.delete(window);
    if (this.windows.size === 0) this.emit('window-all-closed');
  }

  #isEnding = false;
  #end(code: number): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.emit('quit', new PreventableEvent(), code);
    void closeBrowser().finally(() => process.exit(code));
  }
}

export const app = new AppStandIn();
