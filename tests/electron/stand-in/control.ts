/** The test's side of the stand-in: it plays the person, the page's script and the system. One request and one answer at a time an id. */
import type { EventEmitter } from 'node:events';
import process from 'node:process';
import { z } from 'zod';
import { app } from './app.ts';
import { theWindow } from './browser-window.ts';
import { menuItem } from './menu.ts';
import { answerDialog, openDialog, recorded } from './recorder.ts';
import { defaultSession } from './session.ts';

const requestSchema = z.object({ id: z.number(), op: z.string(), args: z.array(z.unknown()) });
const text = z.string();
const bounds = z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() });

/** Answers the test's requests until the channel closes; then the app ends, so that a test that is killed leaves nothing. */
export function serveControl({ powerMonitor }: { readonly powerMonitor: EventEmitter }): void {
  const operations: Readonly<Record<string, (...args: unknown[]) => unknown>> = {
    recorded: (kind) => recorded(text.parse(kind)),
    dialog: () => openDialog() ?? null,
    answer: (value) => answerDialog(value),
    /** Runs a script in the page; it may be a promise. */
    evaluate: (script) => theWindow().webContents.page.evaluate(text.parse(script)),
    /** Runs a script in the page's last frame. */
    evaluateInFrame: (script) => theWindow().webContents.page.frames().at(-1)?.evaluate(text.parse(script)),
    url: () => theWindow().webContents.getURL(),
    leaveUnguarded: (html) => theWindow().webContents.leaveUnguarded(text.parse(html)),
    comeBack: () => theWindow().webContents.loadURL('app://flashgrid/'),
    pages: () => theWindow().webContents.page.context().pages().length,
    crash: () => theWindow().webContents.crash(),
    emitUnresponsive: () => theWindow().webContents.emit('unresponsive'),
    blur: () => {
      theWindow().hasFocus = false;
    },
    minimize: () => {
      theWindow().hasFocus = false;
      theWindow().isSmall = true;
    },
    windowState: () => ({
      isShown: theWindow().isShown,
      isFocused: theWindow().hasFocus,
      isMinimized: theWindow().isSmall,
    }),
    setBounds: (value) => theWindow().setBounds(bounds.parse(value)),
    closeWindow: () => theWindow().close(),
    quit: () => app.quit(),
    shutdown: () => powerMonitor.emit('shutdown', {}),
    isSandboxed: () => app.isSandboxed,
    menuItem: (id) => {
      const { enabled = true, checked = false } = menuItem(text.parse(id));
      return { enabled, checked };
    },
    menuClick: (id) => menuItem(text.parse(id)).click?.(),
    requestPermission: (name) =>
      new Promise((resolve) => {
        defaultSession.permissionRequest?.(theWindow().webContents, text.parse(name), resolve);
      }),
    checkPermission: (name) => defaultSession.permissionCheck?.(theWindow().webContents, text.parse(name)),
    devicePermission: () => defaultSession.devicePermission?.({ deviceType: 'usb' }),
    displayMedia: () => new Promise((resolve) => defaultSession.displayMedia?.({}, resolve)),
    attachWebview: () => {
      let isPrevented = false;
      const event = { preventDefault: () => (isPrevented = true) };
      theWindow().webContents.emit('will-attach-webview', event, {}, {});
      return isPrevented;
    },
  };
  process.on('message', (raw) => {
    const { id, op, args } = requestSchema.parse(raw);
    void (async () => operations[op]?.(...args))().then(
      (value) => process.send?.({ id, value: value ?? null }),
      (error: unknown) =>
        process.send?.({ id, error: error instanceof Error ? error.message : String(error) }),
    );
  });
  process.on('disconnect', () => app.exit(1));
}
