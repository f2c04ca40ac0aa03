/** The dialogs of the desktop program. */
import process from 'node:process';
import type { BrowserWindow, Dialog } from 'electron';
import type { ClusterState } from '../contract/state.ts';
import type { Failure } from '../contract/failure.ts';
import type { PageAsk } from '../control/lib/page-guard.ts';
import type { QuitAnswer } from './quit-guard.ts';

const QUIT_ANSWERS = ['stop', 'keep', 'cancel'] as const satisfies readonly QuitAnswer[];

/** Asks what to do with a running cluster. */
export async function askOnQuit(
  dialog: Dialog,
  window: BrowserWindow,
  cluster: ClusterState['state'],
): Promise<{ answer: QuitAnswer; isRemembered: boolean }> {
  const { response, checkboxChecked } = await dialog.showMessageBox(window, {
    type: 'question',
    title: 'FlashGrid',
    message: cluster === 'running' ? 'The cluster is running.' : `The cluster is ${cluster}.`,
    detail:
      'Stop everything, or keep RabbitMQ, Redis and Postgres running for the next start? Gateways, workers and a running attack end in both cases.',
    buttons: ['Stop everything', 'Keep the backends running', 'Cancel'],
    defaultId: 0,
    cancelId: 2,
    noLink: true,
    checkboxLabel: 'Do this from now on (Settings can change it)',
  });
  return { answer: QUIT_ANSWERS[response] ?? 'cancel', isRemembered: checkboxChecked };
}

const ASKS = {
  change: {
    message: 'Change where the backends come from?',
    detail:
      'Images run on this machine, and external URLs receive passwords. Save this only if you made the change.',
    accept: 'Save',
  },
  attack: {
    message: 'Attack this shop?',
    detail:
      'Attack only a shop that is yours, or that you may test. Launch this only if you chose the adapter. This shop is not asked about again until FlashGrid ends.',
    accept: 'Attack',
  },
} as const;

/** Asks to confirm what the page may not do alone. */
export async function confirmAsk(
  dialog: Dialog,
  window: BrowserWindow | undefined,
  { what, lines }: PageAsk,
): Promise<boolean> {
  const { message, detail, accept } = ASKS[what];
  const options = {
    type: 'warning' as const,
    title: 'FlashGrid',
    message,
    detail: `${lines.join('\n')}\n\n${detail}`,
    buttons: [accept, 'Cancel'],
    defaultId: 1,
    cancelId: 1,
    noLink: true,
  };
  const { response } = await (window
    ? dialog.showMessageBox(window, options)
    : dialog.showMessageBox(options));
  return response === 0;
}

/** Shows what could not be stopped. */
export async function showQuitFailures(
  dialog: Dialog,
  window: BrowserWindow | undefined,
  failures: readonly string[],
): Promise<void> {
  const options = {
    type: 'error' as const,
    title: 'FlashGrid',
    message: 'Not everything could be stopped.',
    detail: `${failures.map((failure) => `• ${failure}`).join('\n')}\n\nThe next start finds and removes what is left.`,
    buttons: ['Quit'],
  };
  await (window ? dialog.showMessageBox(window, options) : dialog.showMessageBox(options));
}

/** Shows why the app can't start. Resolves to `open` if the user wants the page of the running control centre. */
export async function showStartFailure(
  dialog: Dialog,
  failure: Failure,
  canOpenOther: boolean,
): Promise<'open' | 'quit'> {
  const { response } = await dialog.showMessageBox({
    type: 'error',
    title: 'FlashGrid',
    message: failure.message,
    detail: failure.fix,
    buttons: canOpenOther ? ['Open it in the browser', 'Quit'] : ['Quit'],
    defaultId: 0,
    cancelId: canOpenOther ? 1 : 0,
    noLink: true,
  });
  return canOpenOther && response === 0 ? 'open' : 'quit';
}

/** Asks to confirm a command that can't be undone. */
async function askToConfirm(
  dialog: Dialog,
  window: BrowserWindow,
  { message, detail, accept }: { readonly message: string; readonly detail: string; readonly accept: string },
): Promise<boolean> {
  const { response } = await dialog.showMessageBox(window, {
    type: 'question',
    title: 'FlashGrid',
    message,
    detail,
    buttons: [accept, 'Cancel'],
    defaultId: 1,
    cancelId: 1,
    noLink: true,
  });
  return response === 0;
}

export function askToStop(dialog: Dialog, window: BrowserWindow, isAttacking: boolean): Promise<boolean> {
  return askToConfirm(dialog, window, {
    message: 'Stop the cluster?',
    detail: `Gateways, workers and backends stop. Sales and tickets are kept.${isAttacking ? ' The running attack ends without a verdict.' : ''}`,
    accept: 'Stop the cluster',
  });
}

export function askToCallOff(dialog: Dialog, window: BrowserWindow): Promise<boolean> {
  return askToConfirm(dialog, window, {
    message: 'Call the attack off?',
    detail: 'The load generators stop at once. Half a run proves nothing, so there is no verdict.',
    accept: 'Call it off',
  });
}

export async function showAbout(
  dialog: Dialog,
  window: BrowserWindow,
  { version, dataDir }: { readonly version: string; readonly dataDir: string },
): Promise<void> {
  await dialog.showMessageBox(window, {
    type: 'info',
    title: 'About FlashGrid',
    message: `FlashGrid ${version}`,
    detail: `Sell twenty tickets to ten thousand people. Never twenty-one.\n\nData folder: ${dataDir}\nElectron ${process.versions['electron'] ?? '–'}, Node ${process.versions.node}`,
  });
}

/** Shows why a command of the menu failed. */
export async function showFailure(dialog: Dialog, window: BrowserWindow, failure: Failure): Promise<void> {
  await dialog.showMessageBox(window, {
    type: 'warning',
    title: 'FlashGrid',
    message: failure.message,
    detail: failure.fix,
  });
}
