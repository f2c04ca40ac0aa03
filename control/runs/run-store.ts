/** The history of runs: one JSON file each. Summaries are kept in memory; records are read on request. */
import { randomBytes } from 'node:crypto';
import { open, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { closedFolder } from '../lib/data-folder.ts';
import { z } from 'zod';
import { FailureError, type Failure } from '../../contract/failure.ts';
import type { Notice, RunSummary } from '../../contract/state.ts';
import {
  RECORD_FORMAT,
  runRecordSchema,
  upgradeRunRecord,
  type RunRecord,
} from '../../contract/run-record.ts';
import { searchTextOf, summaryOf } from '../../contract/run-text.ts';
import { errorText } from '../../services/shared/error-text.ts';

/** An id comes from outside and becomes a file name: no separators, no leading dot. */
const RUN_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$/;
const EXTENSION = '.json';

interface Known {
  /** Size and time of change. While both stay the same, the file is not read again. */
  readonly stamp: string;
  /** `undefined` for a file that can't be read. */
  readonly summary: RunSummary | undefined;
  /** Why it can't be read. */
  readonly failure?: Failure;
}

/** Unreadable files that a notice names; the others are counted. */
const NAMED_FILES = 3;

export class RunStore {
  readonly #dir: string;
  readonly #version: string;
  readonly #onNotice: () => void;
  #known = new Map<string, Known>();

  /**
   * @param dir created when the first run is saved
   * @param version of this FlashGrid, which may not understand what a newer one has written
   * @param onNotice called when `notice` has changed
   */
  constructor(dir: string, version: string, onNotice: () => void) {
    this.#dir = dir;
    this.#version = version;
    this.#onNotice = onNotice;
  }

  /** The files that the last list left out, and why. They stay where they are. */
  get notice(): Notice | undefined {
    const failures = [...this.#known.values()].flatMap(({ failure }) => failure ?? []);
    const [first] = failures;
    if (!first) return undefined;
    const more = failures.length - NAMED_FILES;
    const named = failures.slice(0, NAMED_FILES).map(({ message }) => message);
    if (more > 0) named.push(`And ${more} more.`);
    return {
      id: 'runs',
      message: `${failures.length === 1 ? 'A kept run is' : `${failures.length} kept runs are`} not in the list. ${named.join(' ')}`,
      fix:
        failures.length === 1
          ? first.fix
          : `\`flashgrid report RUN --json -\` says what to do for each; all stay in ${this.#dir}.`,
    };
  }

  /** Saves a run, as a whole or not at all, even when the machine goes down meanwhile. */
  async save(record: RunRecord): Promise<RunSummary> {
    const path = this.#pathOf(record.id);
    const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
    try {
      closedFolder(this.#dir);
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(`${JSON.stringify(record)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      // The first error matters. A temporary file that stays is never listed as a run.
      await rm(temporary, { force: true }).catch(() => undefined);
      throw new FailureError(
        {
          code: 'runs.notSaved',
          message: `Run ${record.id} could not be saved in ${this.#dir}: ${errorText(error)}.`,
          fix: 'Make room on the disk, or choose another data folder; export the run meanwhile.',
        },
        { cause: error },
      );
    }
    return summaryOf(record);
  }

  /** Summaries in which every word of `search` occurs (run-text.ts); the newest first. */
  async list(search = ''): Promise<RunSummary[]> {
    const words = search
      .toLowerCase()
      .split(/,?\s+|,$/)
      .filter(Boolean);
    return (await this.#readSummaries())
      .filter((run) => {
        const text = searchTextOf(run).toLowerCase();
        return words.every((word) => text.includes(word));
      })
      .sort((a, b) => (a.startedAt < b.startedAt ? 1 : a.startedAt > b.startedAt ? -1 : 0));
  }

  /** @throws FailureError `runs.notFound`, `runs.damaged` */
  async get(id: string): Promise<RunRecord> {
    const path = this.#pathOf(id);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      throw isMissing(error) ? notFound(id) : damaged(id, path, error);
    }
    return parseRecord(id, path, text, this.#version);
  }

  /** @throws FailureError `runs.notFound` */
  async delete(id: string): Promise<void> {
    try {
      await rm(this.#pathOf(id));
    } catch (error) {
      throw isMissing(error) ? notFound(id) : error;
    }
    const wasLeftOut = this.#known.get(id)?.failure !== undefined;
    this.#known.delete(id);
    if (wasLeftOut) this.#onNotice();
  }

  async #readSummaries(): Promise<RunSummary[]> {
    let names: string[];
    try {
      names = await readdir(this.#dir);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
    const known = new Map<string, Known>();
    // One after the other: a record may have some megabytes, and only its summary is kept in memory.
    for (const name of names) {
      const id = name.slice(0, -EXTENSION.length);
      if (!name.endsWith(EXTENSION) || !RUN_ID_PATTERN.test(id)) continue;
      const entry = await this.#readEntry(id, join(this.#dir, name));
      if (entry) known.set(id, entry);
    }
    const before = this.notice?.message;
    this.#known = known;
    if (this.notice?.message !== before) this.#onNotice();
    return [...known.values()].flatMap(({ summary }) => (summary ? [summary] : []));
  }

  async #readEntry(id: string, path: string): Promise<Known | undefined> {
    try {
      const { size, mtimeMs } = await stat(path);
      const stamp = `${size} ${mtimeMs}`;
      const before = this.#known.get(id);
      if (before?.stamp === stamp) return before;
      try {
        const text = await readFile(path, 'utf8');
        return { stamp, summary: summaryOf(parseRecord(id, path, text, this.#version)) };
      } catch (error) {
        if (isMissing(error)) return undefined;
        const { failure } = error instanceof FailureError ? error : damaged(id, path, error);
        return { stamp, summary: undefined, failure };
      }
    } catch (error) {
      // Deleted between the listing and now.
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  #pathOf(id: string): string {
    if (!RUN_ID_PATTERN.test(id)) throw notFound(id);
    return join(this.#dir, `${id}${EXTENSION}`);
  }
}

/**
 * A record in the text of a file, of this format or an older one.
 * @param version of this FlashGrid
 * @throws FailureError `runs.newer`, `runs.damaged`
 */
export function parseRecord(id: string, path: string, text: string, version: string): RunRecord {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw damaged(id, path, new Error('it is not JSON, or was cut off', { cause: error }));
  }
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

function notFound(id: string): FailureError {
  return new FailureError({
    code: 'runs.notFound',
    message: `There is no run ${JSON.stringify(id.slice(0, 80))}.`,
    fix: 'Choose a run from the list of runs.',
  });
}

function damaged(id: string, path: string, cause: unknown): FailureError {
  return new FailureError(
    {
      code: 'runs.damaged',
      message: `Run ${id} can't be read: ${errorText(cause)}.`,
      fix: `Restore ${path} from a backup, or delete it.`,
    },
    { cause },
  );
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
