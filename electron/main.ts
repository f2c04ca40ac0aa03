/** Electron's entry: what must happen before the app is ready, and one instance a data folder. The rest is desktop/desktop-app.ts. */
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

// Nothing is awaited before these: Electron takes them only until it is ready.
registerAppScheme(protocol);
app.enableSandbox();
app.setAppUserModelId('app.flashgrid.desktop');

const problem = dataDirProblem(undefined);
if (problem !== undefined) {
  // Before the app is ready, this writes to the standard error where there is no desktop for it.
  dialog.showErrorBox('FlashGrid', problem);
  process.exit(2);
}
const dataDir = dataDirOf(undefined);
// Chromium's own files go into the data folder too, and the single-instance lock with them: one instance a data folder.
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
  // The first instance hears of it and comes to the front.
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
