/** Creates the window, and saves its place and size. */
import { BrowserWindow, nativeTheme, screen } from 'electron';
import { MIN_SIZE, fitBounds, readWindowState, writeWindowState } from './window-state.ts';

/** ms after the last move or resize until the state is saved. */
const SAVE_DELAY_MS = 400;
/** Shown until the page is drawn: the page's own backgrounds. */
const BACKGROUNDS = { dark: '#0b0e13', light: '#f3f0e9' } as const;

export interface AppWindowOptions {
  readonly preloadPath: string;
  readonly statePath: string;
  /** For Linux, where the program file contains no icon. */
  readonly iconPath: string | undefined;
  readonly canUseDevTools: boolean;
}

/** Opens the window at its last place; shows it once the page is drawn. */
export function createAppWindow(options: AppWindowOptions): BrowserWindow {
  const kept = readWindowState(options.statePath);
  const primary = screen.getPrimaryDisplay();
  const others = screen.getAllDisplays().filter((display) => display.id !== primary.id);
  const window = new BrowserWindow({
    ...fitBounds(
      kept?.bounds,
      [primary, ...others].map((display) => display.workArea),
    ),
    minWidth: MIN_SIZE.width,
    minHeight: MIN_SIZE.height,
    title: 'FlashGrid',
    show: false,
    backgroundColor: nativeTheme.shouldUseDarkColors ? BACKGROUNDS.dark : BACKGROUNDS.light,
    ...(options.iconPath === undefined ? {} : { icon: options.iconPath }),
    // Most of these are defaults. They are written out, so that a new default can't weaken them.
    webPreferences: {
      preload: options.preloadPath,
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      spellcheck: false,
      devTools: options.canUseDevTools,
    },
  });
  if (kept?.isMaximized) window.maximize();
  if (kept?.isFullScreen) window.setFullScreen(true);
  window.once('ready-to-show', () => window.show());
  rememberState(window, options.statePath);
  return window;
}

function rememberState(window: BrowserWindow, path: string): void {
  let timer: NodeJS.Timeout | undefined;
  const save = (): void => {
    clearTimeout(timer);
    if (window.isDestroyed()) return;
    writeWindowState(path, {
      // The bounds that a maximised window returns to.
      bounds: window.getNormalBounds(),
      isMaximized: window.isMaximized(),
      isFullScreen: window.isFullScreen(),
    });
  };
  const saveSoon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(save, SAVE_DELAY_MS);
  };
  window.on('resize', saveSoon);
  window.on('move', saveSoon);
  window.on('maximize', saveSoon);
  window.on('unmaximize', saveSoon);
  window.on('enter-full-screen', saveSoon);
  window.on('leave-full-screen', saveSoon);
  window.on('close', save);
  window.on('closed', () => clearTimeout(timer));
}
