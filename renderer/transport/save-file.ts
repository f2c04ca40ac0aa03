/** Saves an exported file: with the system's dialog under Electron, as a download in a browser. */
export interface ExportedFile {
  readonly fileName: string;
  readonly mediaType: string;
  readonly text: string;
}

/** Resolves to whether the file was saved; the user may cancel the dialog. */
export async function saveFile(file: ExportedFile): Promise<boolean> {
  if (window.flashgrid?.saveFile) return window.flashgrid.saveFile(file);
  const url = URL.createObjectURL(new Blob([file.text], { type: file.mediaType }));
  const link = document.createElement('a');
  link.href = url;
  link.download = file.fileName;
  link.click();
  // Later: the download must have opened the blob first.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  return true;
}
