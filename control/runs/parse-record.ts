/** Reads records of runs from the text of a file, whichever version wrote it. */
import { z } from 'zod';
import { FailureError } from '../../contract/failure.ts';
import {
  RECORD_FORMAT,
  runRecordSchema,
  upgradeRunRecord,
  type RunRecord,
} from '../../contract/run-record.ts';
import { errorText } from '../../services/shared/error-text.ts';

/**
 * A record in the text of a file, of this format or an older one.
 * @param version of this FlashGrid
 * @throws FailureError `runs.newer`, `runs.damaged`
 */
export function parseRecord(id: string, path: string, text: string, version: string): RunRecord {
  return recordOf(id, path, jsonOf(id, path, text), version);
}

/**
 * The records in a file that holds one of them, or a list.
 * @throws FailureError `runs.newer`, `runs.damaged`
 */
export function parseRecords(path: string, text: string, version: string): RunRecord[] {
  const json = jsonOf(path, path, text);
  return (Array.isArray(json) ? json : [json]).map((one) => recordOf(path, path, one, version));
}

function jsonOf(id: string, path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw damaged(id, path, new Error('it is not JSON, or was cut off', { cause: error }));
  }
}

function recordOf(id: string, path: string, json: unknown, version: string): RunRecord {
  const parsed = runRecordSchema.safeParse(upgradeRunRecord(json));
  if (parsed.success) return parsed.data;
  const writer = writerSchema.safeParse(json);
  if (writer.success && isNewer(writer.data, version)) throw newer(id, path, writer.data);
  const [issue] = parsed.error.issues;
  throw damaged(id, path, new Error(`its field ${issue?.path.join('.') || 'record'} is invalid`));
}

/** What a record of any version says about its writer. */
const writerSchema = z.object({
  schema: z.string().regex(/^flashgrid\.run\/\d+$/),
  environment: z
    .object({ flashgrid: z.string().max(40) })
    .optional()
    .catch(undefined),
});
type Writer = z.infer<typeof writerSchema>;

function isNewer({ schema, environment }: Writer, version: string): boolean {
  if (Number(schema.split('/')[1]) > RECORD_FORMAT) return true;
  const [theirs, ours] = [environment?.flashgrid ?? '', version].map((text) =>
    text.split(/[.+-]/).map(Number),
  );
  for (const at of [0, 1, 2]) {
    const difference = (theirs?.[at] ?? 0) - (ours?.[at] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

function newer(id: string, path: string, { schema, environment }: Writer): FailureError {
  const writer = environment === undefined ? schema : `${environment.flashgrid}, ${schema}`;
  return new FailureError({
    code: 'runs.newer',
    message: `Run ${id} was written by a newer FlashGrid (${writer}).`,
    fix: `Open it with that version, or update this one. ${path} stays as it is.`,
  });
}

export function notFound(id: string): FailureError {
  return new FailureError({
    code: 'runs.notFound',
    message: `There is no run ${JSON.stringify(id.slice(0, 80))}.`,
    fix: 'Choose a run from the list of runs.',
  });
}

export function damaged(id: string, path: string, cause: unknown): FailureError {
  return new FailureError(
    {
      code: 'runs.damaged',
      message: `Run ${id} can't be read: ${errorText(cause)}.`,
      fix: `Restore ${path} from a backup, or delete it.`,
    },
    { cause },
  );
}
