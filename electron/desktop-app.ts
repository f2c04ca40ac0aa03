/** Assembles the desktop program: control centre, page, window, menu and quit. Contains no logic of its own. */
import process from 'node:process';
import { join } from 'node:path';
import {
  Notification,
  app,
  dialog,
  ipcMain,
  nativeTheme,
  powerMonitor,
  protocol,
  session,
  shell,
  type BrowserWindow,
} from 'electron';
import { appVersion } from '../control/app-paths.ts';
import { FailureError, type Failure } from '../contract/failure.ts';
import { ControlCentre } from '../control/control-centre.ts';
import type { EventName, EventPayload } from '../contract/contract.ts';
import { isAlive } from '../control/processes/process-table.ts';
import { keepServing } from '../control/lib/last-resort.ts';
import { onStopSignals } from '../control/lib/stop-signals.ts';
import { readInstance } from '../control/instance-file.ts';
import { redact } from '../services/shared/redact.ts';
import { RESOURCES_VARIABLE } from '../services/shared/resources.ts';
import { startAnnouncedServer } from '../web/announced-server.ts';
import { EVENTS_CHANNEL } from './channels.ts';
import { AppMenu } from './app-menu.ts';
import { createAppWindow } from './app-window.ts';
import { offerContextMenu } from './context-menu.ts';
import { serveApp } from './app-protocol.ts';
import { askOnQuit, confirmAsk, showQuitFailures, showStartFailure } from './dialogs.ts';
import { EventForwarder } from './event-forwarder.ts';
import { guardSession } from './guards.ts';
import { serveIpc } from './ipc.ts';
import { openFolder } from './open-folder.ts';
import { APP_URL } from './origin.ts';
import { desktopParts } from './packaged-paths.ts';
import { openPrintTab } from './print-tab.ts';
import { QuitGuard } from './quit-guard.ts';
import { recoverRenderer } from './renderer-recovery.ts';
import { saveExportedFile } from './save-file.ts';
import { isTrustedSender } from './sender.ts';
import { Taskbar } from './taskbar.ts';
import { VerdictNotice } from './verdict-notice.ts';
import { errorText } from '../services/shared/error-text.ts';

const canUseDevTools = !app.isPackaged;

function log(text: string): void {
  process.stderr.write(redact(`desktop: ${text}\n`));
}

/** Starts the desktop program on a data folder; resolves when the window has loaded or the app quits. */
export async function startDesktop(dataDir: string): Promise<void> {
  const parts = desktopParts();
  const version = appVersion();
  // This process reads the migrations; its children read the scripts and images.
  if (app.isPackaged) process.env[RESOURCES_VARIABLE] = parts.resourcesDir;
  let endApp = (): void => app.quit();
  let centre: ControlCentre;
  try {
    await serveApp(protocol, parts.rendererDir);
    centre = await ControlCentre.open({
      dataDir,
      version,
      modules: parts.modules,
      childEnv: app.isPackaged ? { [RESOURCES_VARIABLE]: parts.resourcesDir } : {},
      pageGuard: { confirm: (ask) => confirmAsk(dialog, window, ask) },
      openFolder: (path) => openFolder(shell, path),
      openTab: openPrintTab,
      onQuit: () => endApp(),
    });
  } catch (error) {
    return await refuseStart(dataDir, error);
  }
  keepServing((error) => {
    centre.noteSurprise(error);
    log(`unexpected: ${errorText(error)}`);
  });
  guardSession(session.defaultSession, { canUseDevTools, onRefused: logRefused });
  const settings = await centre.call('settings.getSettings', {});
  if (settings.ok) nativeTheme.themeSource = settings.value.theme;
  const server = await startAnnouncedServer({
    centre,
    dataDir,
    rendererDir: parts.rendererDir,
    version,
    host: '127.0.0.1',
    port: 0,
  }).catch((error: unknown) => {
    // The window works without it; only the terminal can't reach this control centre then.
    log(`the terminal can't reach this window: ${errorText(error)}`);
  });

  const window = createAppWindow({
    preloadPath: parts.preloadPath,
    statePath: join(dataDir, 'window-state.json'),
    iconPath: process.platform === 'linux' ? parts.iconPath : undefined,
    canUseDevTools,
  });
  const ours = () => (window.isDestroyed() ? undefined : window);
  const forwarder = new EventForwarder({
    send: (batch) => ours()?.webContents.send(EVENTS_CHANNEL, batch),
    onOverflow: () => {
      log('the page was too far behind and is reloaded');
      ours()?.webContents.reload();
    },
  });
  const stopIpc = serveIpc(ipcMain, {
    centre,
    isTrusted: (sender) => isTrustedSender(sender, ours()?.webContents),
    saveFile: (file) => saveExportedFile(file, { dialog, window, folder: app.getPath('downloads') }),
    onTaken: () => forwarder.ready(),
    onRefused: logRefused,
  });
  const guard = new QuitGuard({
    centre,
    ask: (cluster) => {
      // A question on a hidden window would block the quit for ever.
      bringToFront(window);
      return askOnQuit(dialog, window, cluster);
    },
    cleanUp: async () => await server?.close(),
    showFailures: (failures) => showQuitFailures(dialog, ours(), failures),
    quit: (exitCode) => {
      stopIpc();
      // `quit` lets Chromium flush its files, but takes no exit code.
      if (exitCode === 0) app.quit();
      else app.exit(exitCode);
    },
    log,
  });
  endApp = () => void guard.release();
  forwardEvents(centre, forwarder, window);
  const menu = new AppMenu({
    centre,
    window,
    canUseDevTools,
    version,
    dataDir,
    settings: settings.ok ? settings.value : undefined,
  });
  menu.start();
  offerContextMenu(window);
  recoverRenderer({
    window,
    dialog,
    onGone: () => forwarder.pageGone(),
    onQuitAsked: () => app.quit(),
    log,
  });
  holdQuit(window, guard);
  app.on('second-instance', () => bringToFront(window));
  app.on('activate', () => bringToFront(window));
  await window.loadURL(APP_URL);
  // Adopts the backends that an earlier window left running, so that they show up.
  await centre.adoptKept();
}

function logRefused(what: string): void {
  log(`refused ${what}`);
}

/** Shows why the app can't start; offers the page of the control centre that holds the data folder. */
async function refuseStart(dataDir: string, error: unknown): Promise<void> {
  const failure: Failure =
    error instanceof FailureError
      ? error.failure
      : {
          code: 'desktop.startFailed',
          message: `FlashGrid could not start: ${errorText(error)}`,
          fix: `Check that ${dataDir} can be written to, then start it again.`,
        };
  log(`${failure.message} ${failure.fix}`);
  const running = failure.code === 'dataDir.locked' ? await readInstance(dataDir) : undefined;
  // After a crash, the file may name an address where nothing answers.
  const other = running && isAlive(running) ? running : undefined;
  const answer = await showStartFailure(dialog, failure, other !== undefined);
  if (other && answer === 'open') await shell.openExternal(other.url);
  app.exit(6);
}

function bringToFront(window: BrowserWindow): void {
  if (window.isDestroyed()) return;
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}

/** Routes every way to quit through the guard. */
function holdQuit(window: BrowserWindow, guard: QuitGuard): void {
  app.on('before-quit', (event) => guard.hold(event));
  // Closing the window quits, on every system: the cluster belongs to it.
  window.on('close', (event) => guard.hold(event));
  app.on('window-all-closed', () => app.quit());
  // A system that shuts down does not wait for a question.
  powerMonitor.on('shutdown', () => guard.stopNow());
  window.on('session-end', () => guard.stopNow());
  onStopSignals(
    () => guard.stopNow(),
    () => app.exit(130),
  );
}

/** Forwards the control centre's events to the page, the taskbar and the notifications. */
function forwardEvents(centre: ControlCentre, forwarder: EventForwarder, window: BrowserWindow): void {
  const taskbar = new Taskbar((progress) => {
    if (!window.isDestroyed()) window.setProgressBar(progress);
  });
  const notice = new VerdictNotice(
    () => window.isDestroyed() || window.isFocused(),
    ({ title, body }) => {
      window.flashFrame(true);
      if (!Notification.isSupported()) return;
      const notification = new Notification({ title, body });
      notification.on('click', () => bringToFront(window));
      notification.show();
    },
  );
  centre.hub.tap((name: EventName, payload: EventPayload<EventName>) => forwarder.push(name, payload));
  centre.on('cluster.stateChanged', ({ cluster: state }) => {
    taskbar.handleCluster(state);
  });
  centre.on('attack.stateChanged', ({ attack }) => {
    taskbar.handleAttack(attack);
    notice.handleAttack(attack);
  });
  centre.on('matrix.stateChanged', ({ matrix }) => notice.handleMatrix(matrix));
  centre.on('settings.settingsChanged', ({ settings }) => {
    nativeTheme.themeSource = settings.theme;
  });
}
