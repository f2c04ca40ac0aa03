import type { ExportFormat } from '../../contract/export-formats.ts';
import { callOrNotify } from '../client.ts';
import { notifyDone } from '../components/notify.tsx';
import { saveFile } from '../transport/save-file.ts';

/** Exports a run to a file that the user names, and confirms it. */
export async function exportRun(id: string, format: ExportFormat): Promise<void> {
  const file = await callOrNotify('runs.exportRun', { id, format });
  if (file && (await saveFile(file))) notifyDone(`${file.fileName} is saved.`);
}
