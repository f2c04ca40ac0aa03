/** The history of runs: one JSON file a run. Summaries are kept in memory, records are read when they are asked for. */
import { randomBytes } from 'node:crypto';
import { open, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { closedFolder } from '../lib/data-folder.ts';
import { FailureError } from '../cluster/cluster.ts';
import type { RunSummary } from '../contract.ts';
import { runRecordSchema, type RunRecord } from './run-record.ts';
import { searchTextOf, summaryOf } from './run-text.ts';

/** Runs that a list shows at the most, the newest first. */
export const MAX_LISTED_RUNS = 2_000;

/** Becomes a file name, and comes from outside: no separators, no leading dot. */
const RUN_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$/;
const EXTENSION = '.json';

interface Known {
  /** Size and time of change: a file that has neither changed is not read again. */
  readonly stamp: string;
  /** `undefined` for a damaged file. */
  readonly summary: RunSummary | undefined;
}

export class RunStore {
  readonly #dir: string;
  readonly #onDamaged: (text: string) => void;
  #known = new Map<string, Known>();

  /**
   * @param dir created when the first run is saved
   * @param onDamaged hears, once a file, of those that can't be read; they are left where they are
   */
  constructor(dir: string, onDamaged: (text: string) => void) {
    this.#dir = dir;
    this.#onDamaged = onDamaged;
  }

  /** Keeps a run; it is there whole or not at all, also when the machine goes down meanwhile. */
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
      // The first error is the one to tell; what can't be removed either is not a run, and never listed.
      await rm(temporary, { force: true }).catch(() => undefined);
      throw new FailureError(
        {
          code: 'runs.notSaved',
          message: `Run ${record.id} could not be saved in ${this.#dir}: ${messageOf(error)}.`,
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
      .sort((a, b) => (a.startedAt < b.startedAt ? 1 : a.startedAt > b.startedAt ? -1 : 0))
      .slice(0, MAX_LISTED_RUNS);
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
    try {
      return parseRecord(text);
    } catch (error) {
      throw damaged(id, path, error);
    }
  }

  /** @throws FailureError `runs.notFound` */
  async delete(id: string): Promise<void> {
    try {
      await rm(this.#pathOf(id));
    } catch (error) {
      throw isMissing(error) ? notFound(id) : error;
    }
    this.#known.delete(id);
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
    // One after the other: a record may be some megabytes, and only its summary is to stay.
    for (const name of names) {
      const id = name.slice(0, -EXTENSION.length);
      if (!name.endsWith(EXTENSION) || !RUN_ID_PATTERN.test(id)) continue;
      const entry = await this.#readEntry(id, join(this.#dir, name));
      if (entry) known.set(id, entry);
    }
    this.#known = known;
    return [...known.values()].flatMap(({ summary }) => (summary ? [summary] : []));
  }

  async #readEntry(id: string, path: string): Promise<Known | undefined> {
    try {
      const { size, mtimeMs } = await stat(path);
      const stamp = `${size} ${mtimeMs}`;
      const before = this.#known.get(id);
      if (before?.stamp === stamp) return before;
      try {
        return { stamp, summary: summaryOf(parseRecord(await readFile(path, 'utf8'))) };
      } catch (error) {
        if (isMissing(error)) return undefined;
        this.#onDamaged(`Run file ${path} can't be read and is left out: ${messageOf(error)}`);
        return { stamp, summary: undefined };
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

function parseRecord(text: string): RunRecord {
  const parsed = runRecordSchema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${issue?.path.join('.') ?? 'record'}: ${issue?.message ?? 'not a run record'}`);
}

function notFound(id: string): FailureError {
  return new FailureError({
    code: 'runs.notFound',
    message: `There is no run ${JSON.stringify(id.slice(0, 80))}.`,
    fix: 'See the list of runs for those that are kept.',
  });
}

function damaged(id: string, path: string, cause: unknown): FailureError {
  return new FailureError(
    {
      code: 'runs.damaged',
      message: `Run ${id} can't be read: ${messageOf(cause)}.`,
      fix: `Restore ${path} from a backup, or delete it.`,
    },
    { cause },
  );
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
