/** Hands an exported file to the person: the system's own dialog under Electron, a download in a browser. */
export interface ExportedFile {
  readonly fileName: string;
  readonly mediaType: string;
  readonly text: string;
}

/** Resolves to whether the file was saved; a person may close the dialog. */
export async function saveFile(file: ExportedFile): Promise<boolean> {
  if (window.flashgrid?.saveFile) return window.flashgrid.saveFile(file);
  const url = URL.createObjectURL(new Blob([file.text], { type: file.mediaType }));
  const link = document.createElement('a');
  link.href = url;
  link.download = file.fileName;
  link.click();
  // The download has taken hold of the blob by the next task.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  return true;
}
