/**
 * The history of runs: one JSON file each. Summaries are in an index (run-index.ts); records are read on request. A deleted run lies
 * in a folder of its own for a while, and can be brought back.
 */
import { randomBytes } from 'node:crypto';
import { access, open, readFile, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FailureError } from '../../contract/failure.ts';
import type { Notice, RunSummary } from '../../contract/state.ts';
import { labelsSchema, type RunLabels, type RunRecord } from '../../contract/run-record.ts';
import { runMatcher, summaryOf } from '../../contract/run-text.ts';
import { errorText } from '../../services/shared/error-text.ts';
import { closedFolder } from '../lib/data-folder.ts';
import { damaged, notFound, parseRecord } from './parse-record.ts';
import { RunIndex, type IndexEntry } from './run-index.ts';

/** An id comes from outside and becomes a file name: no separators, no leading dot. */
const RUN_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$/;
const EXTENSION = '.json';

/** Unreadable files that a notice names; the others are counted. */
const NAMED_FILES = 3;
/** Files that are looked at together: a record may have some megabytes, and only its summary is kept in memory. */
const AT_ONCE = 8;

/** What is kept. Pinned runs and those of the baseline are never dropped. */
export const KEPT_RUNS = {
  runs: 10_000,
  bytes: 2 * 1024 ** 3,
  deletedRuns: 50,
  deletedForMs: 7 * 24 * 60 * 60_000,
} as const;

interface RunStoreOptions {
  /** Called when `notice` has changed. */
  onNotice?(): void;
  /** Called with a run that can't be brought back. */
  onGone?(id: string): void;
  /** The runs of the baseline. */
  baselineIds?(): Promise<ReadonlySet<string>>;
  readonly limits?: Readonly<Record<keyof typeof KEPT_RUNS, number>>;
}

export class RunStore {
  readonly #dir: string;
  readonly #deletedDir: string;
  readonly #version: string;
  readonly #options: RunStoreOptions;
  readonly #index: RunIndex;
  /** Undefined until the index was read. */
  #known: Map<string, IndexEntry> | undefined;
  /** What is done with the index now; one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * @param dir created when the first run is saved; its index lies beside it
   * @param version of this FlashGrid, which may not understand what a newer one has written
   */
  constructor(dir: string, version: string, options: RunStoreOptions = {}) {
    this.#dir = dir;
    this.#deletedDir = join(dir, 'deleted');
    this.#version = version;
    this.#options = options;
    this.#index = new RunIndex(join(dirname(dir), 'runs-index.ndjson'), version);
  }

  /** The files that the last list left out, and why. They stay where they are. */
  get notice(): Notice | undefined {
    const failures = [...(this.#known?.values() ?? [])].flatMap(({ failure }) => failure ?? []);
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

  /** Saves a run, as a whole or not at all, even when the machine goes down meanwhile. The oldest ones make room for it. */
  async save(record: RunRecord): Promise<RunSummary> {
    await this.#change(record.id, () => this.#write(record.id, JSON.stringify(record)));
    // Nobody waits for it; what fails is tried again with the next run.
    this.#inTurn(() => this.#dropOldest()).catch(() => undefined);
    return summaryOf(record);
  }

  /** Summaries in which every word of `search` occurs (run-text.ts); the newest first. */
  async list(search = ''): Promise<RunSummary[]> {
    const [known, baseline] = await Promise.all([this.#inTurn(() => this.#refresh()), this.#baselineIds()]);
    return [...known.values()]
      .flatMap(({ summary }) =>
        summary === undefined ? [] : baseline.has(summary.id) ? { ...summary, isBaseline: true } : summary,
      )
      .filter(runMatcher(search))
      .sort(byStart);
  }

  /** @throws FailureError `runs.notFound`, `runs.damaged` */
  async get(id: string): Promise<RunRecord> {
    const path = this.#pathOf(id);
    return parseRecord(id, path, await this.#read(id, path), this.#version);
  }

  /**
   * Changes what people wrote beside a run; the rest of its record stays to the letter.
   * @throws FailureError `runs.notFound`, `runs.damaged`, `runs.notSaved`
   */
  async label(id: string, change: RunLabels): Promise<RunSummary> {
    const path = this.#pathOf(id);
    await this.#change(id, async () => {
      const text = await this.#read(id, path);
      const { labels = {} } = parseRecord(id, path, text, this.#version);
      const wanted = Object.entries({ ...labels, ...change }).filter(([, value]) =>
        Array.isArray(value) ? value.length > 0 : Boolean(value),
      );
      const next = labelsSchema.parse(Object.fromEntries(wanted));
      const kept = JSON.parse(text) as Record<string, unknown>;
      // JSON leaves out what is undefined.
      await this.#write(id, JSON.stringify({ ...kept, labels: wanted.length === 0 ? undefined : next }));
    });
    return await this.summary(id);
  }

  /** The summary of one run. */
  async summary(id: string): Promise<RunSummary> {
    const summary = summaryOf(await this.get(id));
    return (await this.#baselineIds()).has(id) ? { ...summary, isBaseline: true } : summary;
  }

  /**
   * Takes a run out of the list; `restore` brings it back.
   * @throws FailureError `runs.notFound`
   */
  async delete(id: string): Promise<void> {
    const path = this.#pathOf(id);
    const deleted = this.#pathOf(id, this.#deletedDir);
    const wasLeftOut = this.#known?.get(id)?.failure !== undefined;
    await this.#change(id, async () => {
      await access(path).catch(() => {
        throw notFound(id);
      });
      closedFolder(this.#deletedDir);
      await rename(path, deleted);
      await utimes(deleted, new Date(), new Date());
    });
    if (wasLeftOut) this.#options.onNotice?.();
    await this.clearDeleted();
  }

  /**
   * Brings a deleted run back.
   * @throws FailureError `runs.notFound` when it was deleted too long ago, or never
   */
  async restore(id: string): Promise<RunSummary> {
    const path = this.#pathOf(id);
    await this.#change(id, async () => {
      try {
        await rename(this.#pathOf(id, this.#deletedDir), path);
      } catch (error) {
        throw isMissing(error) ? notFound(id) : error;
      }
    });
    return await this.summary(id);
  }

  /** Removes for good what was deleted too long ago, or before too many others. */
  clearDeleted(): Promise<void> {
    const { deletedRuns, deletedForMs } = this.#options.limits ?? KEPT_RUNS;
    // A run that is brought back meanwhile would be gone from here, or be told as gone.
    return this.#inTurn(async () => {
      const names = await readdir(this.#deletedDir).catch(() => []);
      const files = await Promise.all(
        names.map(async (name) => {
          const path = join(this.#deletedDir, name);
          return { name, path, atMs: (await stat(path)).mtimeMs };
        }),
      );
      const old = files
        .sort((one, other) => other.atMs - one.atMs)
        .filter(({ atMs }, at) => at >= deletedRuns || Date.now() - atMs > deletedForMs);
      for (const { name, path } of old) {
        await rm(path, { force: true });
        this.#options.onGone?.(name.slice(0, -EXTENSION.length));
      }
    });
  }

  async #read(id: string, path: string): Promise<string> {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      throw isMissing(error) ? notFound(id) : damaged(id, path, error);
    }
  }

  async #write(id: string, text: string): Promise<void> {
    const path = this.#pathOf(id);
    const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
    try {
      closedFolder(this.#dir);
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(`${text}\n`);
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
          message: `Run ${id} could not be saved in ${this.#dir}: ${errorText(error)}.`,
          fix: 'Make room on the disk, or choose another data folder; export the run meanwhile.',
        },
        { cause: error },
      );
    }
  }

  #baselineIds(): Promise<ReadonlySet<string>> {
    return this.#options.baselineIds?.() ?? Promise.resolve(new Set());
  }

  #inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const next = this.#turn.then(work, work);
    this.#turn = next.catch(() => undefined);
    return next;
  }

  /** Changes one file, and notes it in the index: otherwise the next list would have to look at each file. */
  #change(id: string, work: () => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      const { isOurs, isCurrent } = await this.#index.check(this.#dir);
      await work();
      if (this.#known && isOurs && isCurrent) await this.#note(id);
      else await this.#index.distrust();
    });
  }

  async #note(id: string): Promise<void> {
    const known = this.#known ?? new Map<string, IndexEntry>();
    const entry = await this.#readEntry(id, known.get(id));
    if (entry) known.set(id, entry);
    else known.delete(id);
    await this.#index.add([entry ?? { id }], known);
  }

  async #dropOldest(): Promise<void> {
    const { runs, bytes: maxBytes } = this.#options.limits ?? KEPT_RUNS;
    const [known, baseline] = [await this.#refresh(), await this.#baselineIds()];
    let bytes = [...known.values()].reduce((sum, entry) => sum + (entry.bytes ?? 0), 0);
    let left = known.size;
    if (left <= runs && bytes <= maxBytes) return;
    const oldest = [...known.values()]
      .flatMap(({ id, summary, bytes: size = 0 }) => (summary ? { ...summary, id, size } : []))
      .filter(({ id, labels }) => !labels?.isPinned && !baseline.has(id))
      .sort(byStart)
      // The newest one stays, however large it is.
      .slice(1);
    while (left > runs || bytes > maxBytes) {
      const run = oldest.pop();
      if (!run) return;
      // The record itself has the last word.
      if ((await this.get(run.id).catch(() => undefined))?.labels?.isPinned) continue;
      await rm(this.#pathOf(run.id), { force: true });
      left--;
      bytes -= run.size;
      await this.#note(run.id);
      this.#options.onGone?.(run.id);
    }
  }

  /** Brings the index in step with the folder. Files are only looked at where something changed that it does not know. */
  async #refresh(): Promise<Map<string, IndexEntry>> {
    const message = this.notice?.message;
    const { isOurs, isCurrent } = await this.#index.check(this.#dir);
    if (!this.#known || !isOurs) this.#known = await this.#index.load();
    const before = this.#known;
    const ids = await this.#ids();
    const isKnown = (id: string) => isCurrent && before.get(id)?.summary !== undefined;
    const doubtful = ids.filter((id) => !isKnown(id));
    if (isCurrent && doubtful.length === 0 && ids.length === before.size) return before;
    const entries = new Map(ids.map((id) => [id, before.get(id)]));
    for (let at = 0; at < doubtful.length; at += AT_ONCE)
      await Promise.all(
        doubtful
          .slice(at, at + AT_ONCE)
          .map(async (id) => entries.set(id, await this.#readEntry(id, before.get(id)))),
      );
    const known = new Map([...entries].flatMap(([id, entry]) => (entry ? [[id, entry] as const] : [])));
    const changes = [...known.values()].filter((entry) => before.get(entry.id) !== entry);
    const gone = [...before.keys()].filter((id) => !known.has(id)).map((id) => ({ id }));
    this.#known = known;
    if (ids.length > 0 && (!isCurrent || changes.length + gone.length > 0))
      await this.#index.add([...changes, ...gone], known);
    if (this.notice?.message !== message) this.#options.onNotice?.();
    return known;
  }

  async #ids(): Promise<string[]> {
    try {
      return (await readdir(this.#dir))
        .filter((name) => name.endsWith(EXTENSION))
        .map((name) => name.slice(0, -EXTENSION.length))
        .filter((id) => RUN_ID_PATTERN.test(id));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  /** The same entry while the file is as it was; `undefined` when it is gone. */
  async #readEntry(id: string, before: IndexEntry | undefined): Promise<IndexEntry | undefined> {
    const path = this.#pathOf(id);
    try {
      const { size: bytes, mtimeMs } = await stat(path);
      const stamp = `${bytes} ${mtimeMs}`;
      if (before?.stamp === stamp) return before;
      const known = { id, stamp, bytes };
      try {
        return { ...known, summary: summaryOf(await this.get(id)) };
      } catch (error) {
        const { failure } = error instanceof FailureError ? error : damaged(id, path, error);
        return failure.code === 'runs.notFound' ? undefined : { ...known, failure };
      }
    } catch (error) {
      // Deleted between the listing and now.
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  #pathOf(id: string, dir = this.#dir): string {
    if (!RUN_ID_PATTERN.test(id)) throw notFound(id);
    return join(dir, `${id}${EXTENSION}`);
  }
}

/** The newest first. */
const byStart = (a: RunSummary, b: RunSummary) =>
  (a.startedAt === b.startedAt ? a.id < b.id : a.startedAt < b.startedAt) ? 1 : -1;

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
