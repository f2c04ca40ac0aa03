/**
 * Stands in for `webContents`: a page of a real Chromium with the app's real preload. The app's own scheme is shown as an https origin, since
 * Chromium knows no other from outside; every address is translated on its way in and out.
 */
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Frame, Page, Route } from 'playwright-core';
import { openBrowser } from './chromium.ts';
import { ipcMain } from './ipc-main.ts';
import { PreventableEvent } from './preventable.ts';
import { record } from './recorder.ts';
import { answerRequest, defaultSession } from './session.ts';

const SHOWN_ORIGIN = 'https://flashgrid.stand-in';
const APP_ORIGIN = 'app://flashgrid';

/** As Chromium shows it. */
const toShown = (url: string): string =>
  url.startsWith(APP_ORIGIN) ? SHOWN_ORIGIN + url.slice(APP_ORIGIN.length) : url;
/** As Electron would tell it. */
const toApp = (url: string): string =>
  url.startsWith(`${SHOWN_ORIGIN}/`) ? APP_ORIGIN + url.slice(SHOWN_ORIGIN.length) : url;

/** What Electron's own code puts around a sandboxed preload: nothing but `electron`, and of it two parts. */
function wrapPreload(source: string): string {
  return `(() => {
    // Electron runs the preload in the main frame alone.
    if (window !== window.top) return;
    const listeners = new Map();
    const freeze = (value) => { if (typeof value === 'object' && value !== null) { Object.values(value).forEach(freeze); Object.freeze(value); } return value; };
    const electron = {
      contextBridge: { exposeInMainWorld: (name, api) => Object.defineProperty(window, name, { value: freeze({ ...api }), enumerable: true }) },
      ipcRenderer: {
        invoke: (channel, ...args) => window.standInIpc('invoke', channel, args),
        send: (channel, ...args) => void window.standInIpc('send', channel, args),
        on: (channel, listener) => listeners.set(channel, listener),
      },
    };
    Object.defineProperty(window, 'standInDeliver', { value: (channel, args) => listeners.get(channel)?.({}, ...args) });
    const require = (id) => { if (id === 'electron') return electron; throw new Error('a sandboxed preload can not load ' + id); };
    (function (require, module, exports, process, Buffer) { ${source}
    })(require, { exports: {} }, {});
  })();`;
}

let lastFrameId = 0;

/** A frame as a message's event tells it. */
class FrameStandIn {
  readonly frameTreeNodeId = ++lastFrameId;
  readonly #frame: Frame;
  readonly #find: (frame: Frame) => FrameStandIn;
  constructor(frame: Frame, find: (frame: Frame) => FrameStandIn) {
    this.#frame = frame;
    this.#find = find;
  }
  get url(): string {
    return toApp(this.#frame.url());
  }
  get parent(): FrameStandIn | null {
    const parent = this.#frame.parentFrame();
    return parent ? this.#find(parent) : null;
  }
  get detached(): boolean {
    return this.#frame.isDetached();
  }
}

type OpenHandler = (details: { url: string }) => { action: string };

export class WebContentsStandIn extends EventEmitter {
  readonly #preload: string;
  readonly #frames = new WeakMap<Frame, FrameStandIn>();
  #page: Page | undefined;
  #url = 'about:blank';
  #isOwnLoad = false;
  #isDestroyed = false;
  #openHandler: OpenHandler | undefined;

  constructor(preloadPath: string) {
    super();
    this.#preload = wrapPreload(readFileSync(preloadPath, 'utf8'));
  }

  get page(): Page {
    if (!this.#page) throw new Error('no page is open');
    return this.#page;
  }
  get mainFrame(): FrameStandIn {
    return this.#frameOf(this.page.mainFrame());
  }
  getURL(): string {
    return toApp(this.page.url());
  }
  isDestroyed(): boolean {
    return this.#isDestroyed;
  }
  setWindowOpenHandler(handler: OpenHandler): void {
    this.#openHandler = handler;
  }

  async loadURL(url: string): Promise<void> {
    this.#url = url;
    this.#page ??= await this.#openPage();
    this.#isOwnLoad = true;
    try {
      await this.#page.goto(toShown(url), { waitUntil: 'load', timeout: 30_000 });
    } finally {
      this.#isOwnLoad = false;
    }
    this.emit('did-finish-load');
  }

  /** Shows another page without asking anybody: as if every guard had failed. The preload runs there too. */
  async leaveUnguarded(html: string): Promise<void> {
    await this.page.goto(`data:text/html,${encodeURIComponent(html)}`);
  }

  reload(): void {
    record('reload', this.#url);
    void this.loadURL(this.#page && !this.#page.isClosed() ? this.getURL() : this.#url);
  }

  forcefullyCrashRenderer(): void {
    void this.crash();
  }

  /** Ends the page's process, as a fault in it would. */
  async crash(): Promise<void> {
    const page = this.page;
    const gone = new Promise<void>((resolve) => page.once('crash', () => resolve()));
    const devTools = await page.context().newCDPSession(page);
    // Never answered: the page is gone before it can.
    void devTools.send('Page.crash').catch(() => undefined);
    await gone;
  }

  send(channel: string, ...args: unknown[]): void {
    if (!this.#page || this.#page.isClosed()) return;
    // A page that goes away meanwhile hears nothing, as in Electron.
    this.#page
      .evaluate(`window.standInDeliver?.(${JSON.stringify(channel)}, ${JSON.stringify(args)})`)
      .catch(() => undefined);
  }

  destroy(): void {
    this.#isDestroyed = true;
    void this.#page?.close().catch(() => undefined);
  }

  #frameOf(frame: Frame): FrameStandIn {
    const known = this.#frames.get(frame);
    if (known) return known;
    const made = new FrameStandIn(frame, (other) => this.#frameOf(other));
    this.#frames.set(frame, made);
    return made;
  }

  async #openPage(): Promise<Page> {
    const context = await openBrowser();
    // A persistent context opens with a page of its own; a crashed page is replaced by a new one.
    const page = context.pages().find((each) => each.url() === 'about:blank') ?? (await context.newPage());
    await page.exposeBinding(
      'standInIpc',
      async ({ frame }, kind: string, channel: string, args: unknown[]) => {
        const event = { sender: this, senderFrame: this.#frameOf(frame) };
        if (kind === 'invoke') return await ipcMain.invoke(channel, event, args);
        ipcMain.emit(channel, event, ...args);
        return undefined;
      },
    );
    await page.addInitScript(this.#preload);
    await page.route('**/*', (route) => this.#answer(page, route));
    page.on('crash', () => {
      this.#page = undefined;
      void page.close().catch(() => undefined);
      this.emit('render-process-gone', {}, { reason: 'crashed', exitCode: 5 });
    });
    page.on('console', (message) => {
      if (message.type() === 'error') record('consoleError', message.text());
    });
    page.on('pageerror', (error) => record('pageError', error.message));
    page.on('download', (download) => {
      const event = new PreventableEvent();
      defaultSession.emit('will-download', event, { getURL: () => toApp(download.url()) }, this);
      if (event.defaultPrevented) void download.cancel();
    });
    page.on('popup', (popup) => {
      // Electron asks before there is a window; here it is closed again before it shows anything.
      void popup
        .waitForURL((url) => url.href !== 'about:blank', { timeout: 2_000, waitUntil: 'commit' })
        .catch(() => undefined)
        .then(() => popup.close());
    });
    await page.context().route('**/*', async (route) => {
      // Only windows that the page opened come here: its own requests are answered above.
      const { action } = this.#openHandler?.({ url: route.request().url() }) ?? { action: 'allow' };
      record('windowOpen', { url: route.request().url(), action });
      await route.abort('blockedbyclient');
    });
    return page;
  }

  async #answer(page: Page, route: Route): Promise<void> {
    const request = route.request();
    const url = toApp(request.url());
    if (request.isNavigationRequest() && !this.#isOwnLoad) {
      const isMainFrame = request.frame() === page.mainFrame();
      const event = Object.assign(new PreventableEvent(), { url, isMainFrame, isSameDocument: false });
      this.emit('will-frame-navigate', event);
      if (isMainFrame) this.emit('will-navigate', event, url);
      if (event.defaultPrevented) return await route.abort('aborted');
    }
    if (!defaultSession.isAllowed(url)) return await route.abort('blockedbyclient');
    if (!url.startsWith(APP_ORIGIN)) {
      record('reachedOutside', url);
      return await route.fulfill({ body: '<p>outside</p>', contentType: 'text/html' });
    }
    const response = await answerRequest(url, request.method());
    await route.fulfill({
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: Buffer.from(await response.arrayBuffer()),
    });
  }
}
