/**
 * Reloads the page after its process crashed or hung. A run goes on meanwhile, since it lives in the main process and
 * its children; the new page takes a snapshot of it.
 */
import type { BrowserWindow, Dialog } from 'electron';
import { errorText } from '../services/shared/error-text.ts';

/** After more crashes than this within WINDOW_MS, the user decides whether to reload. */
const MAX_RELOADS = 3;
const WINDOW_MS = 60_000;

export interface RecoveryOptions {
  readonly window: BrowserWindow;
  readonly dialog: Pick<Dialog, 'showMessageBox'>;
  /** The page is gone: nothing can be sent to it. */
  onGone(): void;
  onQuitAsked(): void;
  log(text: string): void;
}

/** Watches the window's page. */
export function recoverRenderer({ window, dialog, onGone, onQuitAsked, log }: RecoveryOptions): void {
  const { webContents } = window;
  let crashesMs: number[] = [];
  let isAsking = false;

  const ask = async (
    message: string,
    detail: string,
    buttons: readonly [string, string],
  ): Promise<number> => {
    if (isAsking) return -1;
    isAsking = true;
    try {
      const { response } = await dialog.showMessageBox(window, {
        type: 'warning',
        title: 'FlashGrid',
        message,
        detail,
        buttons: [...buttons],
        defaultId: 0,
        cancelId: 0,
        noLink: true,
      });
      return response;
    } finally {
      isAsking = false;
    }
  };

  const recover = async (reason: string): Promise<void> => {
    onGone();
    log(`the window's page is gone: ${reason}`);
    const nowMs = performance.now();
    crashesMs = [...crashesMs.filter((atMs) => nowMs - atMs < WINDOW_MS), nowMs];
    if (crashesMs.length > MAX_RELOADS) {
      const answer = await ask(
        'The window keeps failing.',
        `Its page ended ${crashesMs.length} times within a minute (${reason}). Cluster and attack go on without it.`,
        ['Try again', 'Quit FlashGrid…'],
      );
      if (answer === 1) return onQuitAsked();
      if (answer === -1) return;
      crashesMs = [];
    }
    if (!window.isDestroyed()) webContents.reload();
  };

  webContents.on('render-process-gone', (_event, { reason, exitCode }) => {
    if (reason === 'clean-exit' || window.isDestroyed()) return;
    recover(`${reason}, code ${exitCode}`).catch((error: unknown) => log(`recovery: ${errorText(error)}`));
  });
  webContents.on('unresponsive', () => {
    ask(
      'The window does not answer.',
      'Cluster and attack go on. Wait, or reload the window: the run loses nothing.',
      ['Wait', 'Reload'],
    )
      .then((answer) => {
        // Ends the hung process; render-process-gone then reloads the page.
        if (answer === 1 && !window.isDestroyed()) webContents.forcefullyCrashRenderer();
      })
      .catch((error: unknown) => log(`recovery: ${errorText(error)}`));
  });
  webContents.on('preload-error', (_event, path, error) => log(`preload ${path}: ${error.message}`));
}
