/**
 * What the log of a request to a shop that is not ours keeps in the place of a reservation id: of an accepted one, its id and
 * unit; of another, what it was told.
 */

/** @param id,unit printable ASCII without spaces; empty where the answer has none */
export const noteOf = (id: string, unit: string): string => `=${id} ${unit}`;

/** Reads a note of an accepted request. */
export function readNote(note: string | undefined): { readonly id: string; readonly unit: string } {
  const [id = '', unit = ''] = (note ?? '').slice(1).split(' ');
  return { id, unit };
}
