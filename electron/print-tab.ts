/** A hidden page of this process, which draws PDF and PNG: the window needs no other browser. */
import { BrowserWindow } from 'electron';
import type { Tab } from '../control/export/print/print-report.ts';

export async function openPrintTab(): Promise<Tab> {
  const window = new BrowserWindow({
    show: false,
    // A hidden page is drawn only off screen.
    webPreferences: { offscreen: true, javascript: false, sandbox: true, contextIsolation: true },
  });
  const { webContents } = window;
  await webContents.loadURL('about:blank');
  webContents.debugger.attach();
  return {
    send: async (method, params = {}) => {
      // Electron has its own way to print, and not that of the protocol.
      if (method === 'Page.printToPDF')
        return { data: (await webContents.printToPDF(params)).toString('base64') };
      return await webContents.debugger.sendCommand(method, params);
    },
    close: () => window.destroy(),
  };
}
