/** Stands in for `BrowserWindow`. */
import { EventEmitter } from 'node:events';
import { app } from './app.ts';
import { PreventableEvent } from './preventable.ts';
import { record } from './recorder.ts';
import { WebContentsStandIn } from './web-contents.ts';

interface Rectangle {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface WindowOptions extends Rectangle {
  readonly webPreferences: { readonly preload: string; readonly [name: string]: unknown };
}

/** The app's window. */
export function theWindow(): BrowserWindow {
  for (const window of app.windows) if (window instanceof BrowserWindow) return window;
  throw new Error('no window is open');
}

export class BrowserWindow extends EventEmitter {
  readonly webContents: WebContentsStandIn;
  #bounds: Rectangle;
  #isDestroyed = false;
  #isMaximized = false;
  #isFullScreen = false;
  isShown = false;
  hasFocus = false;
  isSmall = false;

  constructor(options: WindowOptions) {
    super();
    const { webPreferences, ...rest } = options;
    record('window', { ...rest, webPreferences });
    this.#bounds = { x: options.x, y: options.y, width: options.width, height: options.height };
    this.webContents = new WebContentsStandIn(webPreferences.preload);
    this.webContents.on('did-finish-load', () => this.emit('ready-to-show'));
    app.windows.add(this);
    app.emit('web-contents-created', new PreventableEvent(), this.webContents);
  }

  async loadURL(url: string): Promise<void> {
    await this.webContents.loadURL(url);
  }
  show(): void {
    this.isShown = true;
    this.hasFocus = true;
  }
  focus(): void {
    this.hasFocus = true;
    record('focus', true);
  }
  isFocused(): boolean {
    return this.hasFocus;
  }
  isMinimized(): boolean {
    return this.isSmall;
  }
  restore(): void {
    this.isSmall = false;
  }
  maximize(): void {
    this.#isMaximized = true;
    this.emit('maximize');
  }
  isMaximized(): boolean {
    return this.#isMaximized;
  }
  setFullScreen(isFullScreen: boolean): void {
    this.#isFullScreen = isFullScreen;
  }
  isFullScreen(): boolean {
    return this.#isFullScreen;
  }
  getNormalBounds(): Rectangle {
    return this.#bounds;
  }
  setBounds(bounds: Rectangle): void {
    this.#bounds = bounds;
    this.emit('resize');
  }
  setProgressBar(progress: number): void {
    record('progress', progress);
  }
  flashFrame(isOn: boolean): void {
    record('flash', isOn);
  }
  isDestroyed(): boolean {
    return this.#isDestroyed;
  }
  close(): void {
    const event = new PreventableEvent();
    this.emit('close', event);
    if (!event.defaultPrevented) this.destroy();
  }
  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.webContents.destroy();
    this.emit('closed');
    app.windowGone(this);
  }
}
