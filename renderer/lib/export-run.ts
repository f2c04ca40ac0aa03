import type { ExportFormat } from '../../contract/contract.ts';
import { callOrNotify } from '../client.ts';
import { notifyDone } from '../components/notify.tsx';
import { saveFile } from '../transport/save-file.ts';

/** Takes a run out of FlashGrid, to a file that the person names; says so when it is there. */
export async function exportRun(id: string, format: ExportFormat): Promise<void> {
  const file = await callOrNotify('runs.exportRun', { id, format });
  if (file && (await saveFile(file))) notifyDone(`${file.fileName} is saved.`);
}
