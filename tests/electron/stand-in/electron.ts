/**
 * Stands in for the module `electron`, whose program can't be had everywhere: the built main process runs on plain Node, its window is a page of a
 * real Chromium with the built preload and page in it, and a test plays the person and the system over the process's channel (control.ts).
 */
import { EventEmitter } from 'node:events';
import process from 'node:process';
import { z } from 'zod';
import { serveControl } from './control.ts';
import { setMenu } from './menu.ts';
import { record, showDialog } from './recorder.ts';
import { defaultSession } from './session.ts';

export { app } from './app.ts';
export { BrowserWindow } from './browser-window.ts';
export { ipcMain } from './ipc-main.ts';
export { protocol } from './session.ts';
export { Menu } from './menu.ts';

export const session = { defaultSession };

export const dialog = {
  // With a window first, or without.
  showMessageBox: (...args: unknown[]) => showDialog('message', args.at(-1)),
  showSaveDialog: (...args: unknown[]) => showDialog('save', args.at(-1)),
};

export class Notification extends EventEmitter {
  readonly #options: unknown;
  static isSupported(): boolean {
    return true;
  }
  constructor(options: unknown) {
    super();
    this.#options = options;
  }
  show(): void {
    record('notification', this.#options);
  }
}

let themeSource = 'system';
export const nativeTheme = {
  shouldUseDarkColors: true,
  get themeSource() {
    return themeSource;
  },
  set themeSource(theme: string) {
    themeSource = theme;
    record('theme', theme);
  },
};

export const powerMonitor = new EventEmitter();

export const shell = {
  openExternal: (url: string): Promise<void> => {
    record('openExternal', url);
    return Promise.resolve();
  },
  openPath: (path: string): Promise<string> => {
    record('openPath', path);
    return Promise.resolve('');
  },
};

const area = z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() });
const displays = z
  .array(area)
  .parse(JSON.parse(process.env['STAND_IN_DISPLAYS'] ?? '[{"x":0,"y":0,"width":1600,"height":1000}]'))
  .map((workArea, id) => ({ id, workArea }));

export const screen = {
  getAllDisplays: () => displays,
  getPrimaryDisplay: () => displays[0],
};

// What the preload takes; it never runs in this process.
export const contextBridge = undefined;
export const ipcRenderer = undefined;

setMenu([]);
serveControl({ powerMonitor });
