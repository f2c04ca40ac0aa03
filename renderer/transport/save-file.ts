/** Saves an exported file: with the system's dialog under Electron, as a download in a browser. */
import type { ExportedFile } from '../../contract/export-formats.ts';

/** Resolves to whether the file was saved; the user may cancel the dialog. */
export async function saveFile(file: ExportedFile): Promise<boolean> {
  if (window.flashgrid?.saveFile) return window.flashgrid.saveFile(file);
  const url = URL.createObjectURL(new Blob([contentOf(file)], { type: file.mediaType }));
  const link = document.createElement('a');
  link.href = url;
  link.download = file.fileName;
  link.click();
  // Later: the download must have opened the blob first.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  return true;
}

function contentOf({ text, isBase64 }: ExportedFile): string | Uint8Array<ArrayBuffer> {
  return isBase64 ? Uint8Array.from(atob(text), (character) => character.charCodeAt(0)) : text;
}
