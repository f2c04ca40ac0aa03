/** Electron's entry: all that must happen before the app is ready. desktop-app.ts does the rest. */
import { join } from 'node:path';
import process from 'node:process';
import { app, dialog, protocol, shell } from 'electron';
import { redact } from '../services/shared/redact.ts';
import { dataDirOf, dataDirProblem } from '../control/app-paths.ts';
import { closedFolder, dataFolder } from '../control/lib/data-folder.ts';
import { guardProcess } from '../control/lib/last-resort.ts';
import { registerAppScheme } from './app-protocol.ts';
import { startDesktop } from './desktop-app.ts';
import { guardWebContents } from './guards.ts';
import { errorText } from '../services/shared/error-text.ts';

// Must run before the first await: Electron accepts these only until it is ready.
registerAppScheme(protocol);
app.enableSandbox();
app.setAppUserModelId('app.flashgrid.desktop');

const problem = dataDirProblem(undefined);
if (problem !== undefined) {
  // Without a desktop, this writes to the standard error.
  dialog.showErrorBox('FlashGrid', problem);
  process.exit(2);
}
const dataDir = dataDirOf(undefined);
// Chromium's files, and with them the single-instance lock, go into the data folder: one instance per data folder.
const chromiumDir = join(dataDir, 'window');
try {
  dataFolder(dataDir);
  closedFolder(chromiumDir);
} catch (error) {
  dialog.showErrorBox('FlashGrid', errorText(error));
  process.exit(6);
}
app.setPath('userData', chromiumDir);

const print = (text: string): void => void process.stderr.write(redact(`desktop: ${text}\n`));

guardProcess((error) => {
  print(error instanceof Error ? (error.stack ?? error.message) : String(error));
  app.exit(6);
});

if (!app.requestSingleInstanceLock()) {
  // The first instance gets `second-instance` and comes to the front.
  app.exit(0);
} else {
  guardWebContents(app, { shell, onRefused: (what) => print(`refused ${what}`) });
  app
    .whenReady()
    .then(() => startDesktop(dataDir))
    .catch((error: unknown) => {
      print(error instanceof Error ? (error.stack ?? error.message) : String(error));
      app.exit(6);
    });
}
