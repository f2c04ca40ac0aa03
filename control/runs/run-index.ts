/**
 * What a list shows of each kept run, in one file beside their folder, so that nobody reads ten thousand records to list them. One
 * line for each change. It is made again from the records when it is missing or of another version; a damaged line costs one record
 * to be read.
 */
import { appendFile, readFile, stat, utimes } from 'node:fs/promises';
import { z } from 'zod';
import { failureSchema } from '../../contract/failure.ts';
import { runSummarySchema } from '../../contract/state.ts';
import { parseJson } from '../../services/shared/parse-json.ts';
import { writeFileAtomic } from '../lib/atomic-file.ts';

const entrySchema = z.object({
  id: z.string(),
  /** Size and time of change of the record's file. Missing: the run is gone. */
  stamp: z.string().optional(),
  bytes: z.number().optional(),
  /** Missing for a file that can't be read. */
  summary: runSummarySchema.optional(),
  /** Why it can't be read. */
  failure: failureSchema.optional(),
});
export type IndexEntry = z.infer<typeof entrySchema>;

/** Lines beyond those that count, before the file is written anew. */
const MAX_STALE = 1_000;

export class RunIndex {
  readonly #path: string;
  readonly #head: string;
  #mtimeMs = 0;
  /** Lines of the file; undefined while it has to be written anew. */
  #lines: number | undefined;

  constructor(path: string, version: string) {
    this.#path = path;
    // A version that knows more of a run has to read it again.
    this.#head = `flashgrid.run-index/1 ${version} ${Object.keys(runSummarySchema.shape).join()}`;
  }

  /** Whether the file is as this process left it, and whether nothing in the folder has changed since its last line. */
  async check(folder: string): Promise<{ readonly isOurs: boolean; readonly isCurrent: boolean }> {
    const [own, theirs] = await Promise.all([mtimeOf(this.#path), mtimeOf(folder)]);
    return { isOurs: own === this.#mtimeMs, isCurrent: own > 0 && own >= theirs };
  }

  /** The next list has to look at each file. */
  async distrust(): Promise<void> {
    await utimes(this.#path, 1, 1).catch(() => undefined);
  }

  /** The entries by id; none where the file can't be used. */
  async load(): Promise<Map<string, IndexEntry>> {
    const entries = new Map<string, IndexEntry>();
    this.#lines = undefined;
    this.#mtimeMs = await mtimeOf(this.#path);
    const text = await readFile(this.#path, 'utf8').catch(() => '');
    const [head, ...lines] = text.split('\n');
    if (head !== this.#head) return entries;
    // A last line that was cut short would be one with the next.
    const isCut = lines.pop() !== '';
    // All at once takes half of the time.
    const found =
      parseJson(`[${lines.join()}]`, z.array(entrySchema)) ??
      lines.flatMap((line) => parseJson(line, entrySchema) ?? []);
    for (const entry of found)
      if (entry.stamp === undefined) entries.delete(entry.id);
      else entries.set(entry.id, entry);
    if (!isCut && found.length === lines.length) this.#lines = lines.length;
    return entries;
  }

  /**
   * Notes changes, and that nothing else has changed in the folder.
   * @param all entries that count, with the changes
   */
  async add(changes: readonly IndexEntry[], all: ReadonlyMap<string, IndexEntry>): Promise<void> {
    const toText = (entries: Iterable<IndexEntry>) =>
      Array.from(entries, (entry) => `${JSON.stringify(entry)}\n`).join('');
    const lines = (this.#lines ?? Infinity) + changes.length;
    this.#lines = undefined;
    try {
      if (lines > all.size + MAX_STALE) writeFileAtomic(this.#path, `${this.#head}\n${toText(all.values())}`);
      else if (changes.length > 0) await appendFile(this.#path, toText(changes));
      else await utimes(this.#path, new Date(), new Date());
      this.#lines = lines > all.size + MAX_STALE ? all.size : lines;
      this.#mtimeMs = await mtimeOf(this.#path);
    } catch {
      // It is now older than the folder: whoever lists next looks at the files, and writes it anew.
    }
  }
}

/** 0 for what is not there. */
const mtimeOf = (path: string) =>
  stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
