/**
 * The results of a crash matrix: a file with one line of JSON for each attack, so that a matrix that was broken off
 * loses nothing. An attack that is made again replaces its earlier result.
 */
import { appendFile, readFile, rm } from 'node:fs/promises';
import { matrixResultSchema, type MatrixResult } from '../../contract/matrix-report.ts';
import { errorText } from '../../services/shared/error-text.ts';
import { parseJson } from '../../services/shared/parse-json.ts';
import { writeFileAtomic } from '../lib/atomic-file.ts';

/** The file holds something else than results. */
export class MatrixFileError extends Error {
  override readonly name = 'MatrixFileError';
}

/** What is asked of a cell, whether it is a result or still to be made. */
interface Cell {
  readonly fault: string;
  readonly seed: number;
}

const keyOf = ({ fault, seed }: Cell, provider: string) => `${provider} ${fault} ${seed}`;

export class MatrixFile {
  readonly path: string;
  readonly #mode: number;
  /** By key; undefined until the file was read. */
  #results: Map<string, MatrixResult> | undefined;

  constructor(path: string, mode = 0o600) {
    this.path = path;
    this.#mode = mode;
  }

  /**
   * All results, in the order in which they came. A last line that was cut short is taken out.
   * @throws MatrixFileError, or Error when the file can't be read
   */
  async list(): Promise<readonly MatrixResult[]> {
    return [...(await this.#load()).values()];
  }

  async has(cell: Cell, provider: string): Promise<boolean> {
    return (await this.#load()).has(keyOf(cell, provider));
  }

  /** @throws Error when it can't be written */
  async add(result: MatrixResult): Promise<void> {
    const results = await this.#load();
    await appendFile(this.path, `${JSON.stringify(result)}\n`, { mode: this.#mode });
    const key = keyOf(result, result.provider);
    // Behind the others: the newest is the last one to be dropped.
    results.delete(key);
    results.set(key, result);
  }

  /**
   * Keeps at most so many of those that `isWanted` does not name, the newest.
   * @throws Error when it can't be written
   */
  async drop(most: number, isWanted: (result: MatrixResult) => boolean): Promise<void> {
    const results = await this.#load();
    const others = [...results].filter(([, result]) => !isWanted(result));
    if (others.length <= most) return;
    for (const [key] of others.slice(0, others.length - most)) results.delete(key);
    this.#write(results);
  }

  /** Removes the file, whatever it holds. */
  async clear(): Promise<void> {
    await rm(this.path, { force: true });
    this.#results = new Map();
  }

  async #load(): Promise<Map<string, MatrixResult>> {
    if (this.#results) return this.#results;
    const lines = (await this.#read()).split('\n');
    // Behind the last line's end is nothing, or what a broken-off write has left.
    const cut = lines.pop();
    const results = lines
      .filter((line) => line !== '')
      .map((line, at) => {
        const result = parseJson(line, matrixResultSchema);
        if (result) return result;
        throw new MatrixFileError(`line ${at + 1} is no result of a matrix`);
      });
    if (cut !== '' && results.length === 0) throw new MatrixFileError('it holds no result of a matrix');
    this.#results = new Map(results.map((result) => [keyOf(result, result.provider), result]));
    // The next line must not be joined with it.
    if (cut !== '') this.#write(this.#results);
    return this.#results;
  }

  async #read(): Promise<string> {
    try {
      return await readFile(this.path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
      throw error;
    }
  }

  #write(results: ReadonlyMap<string, MatrixResult>): void {
    const lines = [...results.values()].map((result) => `${JSON.stringify(result)}\n`);
    writeFileAtomic(this.path, lines.join(''), this.#mode);
  }
}

/** Why a file of results can't be used, for a sentence. */
export const fileProblem = (error: unknown) =>
  error instanceof MatrixFileError ? error.message : errorText(error);
