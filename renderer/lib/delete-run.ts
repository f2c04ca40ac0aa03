import { callOrNotify } from '../client.ts';
import { notifyDone } from '../components/notify.tsx';

/** Deletes a run without asking, and offers to bring it back. Resolves to whether it is deleted. */
export async function deleteRun(id: string, title: string): Promise<boolean> {
  if (!(await callOrNotify('runs.deleteRun', { id }))) return false;
  notifyDone(`“${title}” (${id}) is deleted.`, () => void callOrNotify('runs.restoreRun', { id }));
  return true;
}
