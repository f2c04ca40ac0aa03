/** The runs that later ones are compared with: their records as they were, so that they outlive the kept runs. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { RunRecord } from '../../contract/run-record.ts';
import { parseJson } from '../../services/shared/parse-json.ts';
import { writeFileAtomic } from '../lib/atomic-file.ts';
import { dataFolder } from '../lib/data-folder.ts';
import { parseRecords } from './parse-record.ts';

const idsSchema = z.array(z.object({ id: z.string() }));

export class BaselineFile {
  readonly path: string;
  readonly #dataDir: string;
  readonly #version: string;
  #ids: { readonly stamp: number; readonly ids: ReadonlySet<string> } = { stamp: 0, ids: new Set() };

  /** @param version of this FlashGrid */
  constructor(dataDir: string, version: string) {
    this.#dataDir = dataDir;
    this.#version = version;
    this.path = join(dataDir, 'baseline.json');
  }

  /**
   * None where no baseline was set.
   * @throws FailureError when it can't be read
   */
  async read(): Promise<RunRecord[]> {
    const text = await readFile(this.path, 'utf8').catch(() => undefined);
    return text === undefined ? [] : parseRecords(this.path, text, this.#version);
  }

  /** @throws Error when it can't be written */
  write(records: readonly RunRecord[]): void {
    // The backends' user must still be able to pass through it.
    dataFolder(this.#dataDir);
    writeFileAtomic(this.path, `${JSON.stringify(records)}\n`, 0o600);
  }

  /** The runs in it; none where it can't be read. A terminal may have written it meanwhile. */
  async ids(): Promise<ReadonlySet<string>> {
    const { mtimeMs: stamp } = await stat(this.path).catch(() => ({ mtimeMs: 0 }));
    if (stamp !== this.#ids.stamp) {
      const text = await readFile(this.path, 'utf8').catch(() => '');
      this.#ids = { stamp, ids: new Set(parseJson(text, idsSchema)?.map(({ id }) => id)) };
    }
    return this.#ids.ids;
  }
}
