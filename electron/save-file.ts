/** The native save dialog for an exported file. */
import { writeFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import type { BrowserWindow, Dialog } from 'electron';
import type { ExportedFile } from '../contract/export-formats.ts';
import { errorText } from '../services/shared/error-text.ts';

/** A safe name from the page's proposal; the user alone chooses the folder. */
export function safeFileName(proposed: string): string {
  const name = basename(proposed.replaceAll('\\', '/'))
    // The characters that some file system does not allow.
    .replace(/[\u0000-\u001f<>:"|?*]/g, '-')
    .replace(/^\.+/, '');
  return name === '' ? 'flashgrid-export' : name;
}

/** Asks where to save, and writes the file. Resolves to whether it was saved; shows a failure. */
export async function saveExportedFile(
  file: ExportedFile,
  {
    dialog,
    window,
    folder,
  }: { readonly dialog: Dialog; readonly window: BrowserWindow; readonly folder: string },
): Promise<boolean> {
  const name = safeFileName(file.fileName);
  const extension = extname(name).slice(1);
  const { canceled, filePath } = await dialog.showSaveDialog(window, {
    title: 'Save the report',
    defaultPath: join(folder, name),
    filters: [
      ...(extension === '' ? [] : [{ name: extension.toUpperCase(), extensions: [extension] }]),
      { name: 'All files', extensions: ['*'] },
    ],
    properties: ['createDirectory', 'showOverwriteConfirmation'],
  });
  if (canceled || filePath === '') return false;
  try {
    await writeFile(filePath, file.isBase64 ? Buffer.from(file.text, 'base64') : file.text, { mode: 0o600 });
    return true;
  } catch (error) {
    await dialog.showMessageBox(window, {
      type: 'error',
      title: 'FlashGrid',
      message: 'The file could not be saved.',
      detail: `${errorText(error)}\n\nChoose another folder, or free space on the disk.`,
    });
    return false;
  }
}
