/** The evidence of the newest runs, one compressed file each, beside the records of the runs. */
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../contract/failure.ts';
import type { JudgedSale } from '../audit/several-sales.ts';
import { closedFolder } from '../lib/data-folder.ts';
import { evidenceRecords, type EvidenceRun } from './evidence-records.ts';
import { writeEvidence } from './write-evidence.ts';

/** Runs whose evidence is kept, and bytes of all of them; the newest one stays. A million requests take about 20 MB. */
const MAX_KEPT = 20;
const MAX_KEPT_BYTES = 512 * 1024 * 1024;
/** Bytes of a file that is handed out through the contract; a larger one is copied from its place. */
const MAX_EXPORTED_BYTES = 8 * 1024 * 1024;
const EXTENSION = '.evidence.gz';
const RUN_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$/;

export class EvidenceStore {
  readonly #dir: string;

  /** @param dir created when the first evidence is saved */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /**
   * Writes the evidence of a run, and removes that of the oldest ones beyond the number that is kept.
   * @returns the root of its Merkle tree, as 64 hexadecimal digits
   */
  async save(run: EvidenceRun, judged: readonly JudgedSale[]): Promise<string> {
    closedFolder(this.#dir);
    const root = await writeEvidence(this.#pathOf(run.id), evidenceRecords(judged, run));
    const files = (await readdir(this.#dir)).filter((name) => name.endsWith(EXTENSION));
    const kept = await Promise.all(
      files.map(async (name) => ({ name, facts: await stat(join(this.#dir, name)) })),
    );
    let bytes = 0;
    const old = kept
      .sort((one, other) => other.facts.mtimeMs - one.facts.mtimeMs)
      .filter(({ facts }, at) => {
        bytes += facts.size;
        return at > 0 && (at >= MAX_KEPT || bytes > MAX_KEPT_BYTES);
      });
    await Promise.all(old.map(({ name }) => rm(join(this.#dir, name), { force: true })));
    return root;
  }

  /**
   * The file's bytes.
   * @throws FailureError `runs.noEvidence`, `runs.evidenceTooLarge`
   */
  async read(id: string): Promise<Buffer> {
    const path = this.#pathOf(id);
    const size = await stat(path).then(
      (found) => found.size,
      () => undefined,
    );
    if (size === undefined)
      throw new FailureError({
        code: 'runs.noEvidence',
        message: `There is no evidence of run ${id}: it had no audit, or is not among the newest ${MAX_KEPT}.`,
        fix: 'Repeat the attack, and export its evidence then.',
      });
    if (size > MAX_EXPORTED_BYTES)
      throw new FailureError({
        code: 'runs.evidenceTooLarge',
        message: `The evidence of run ${id} takes ${size} bytes, which is too much to hand out here.`,
        fix: `Copy the file ${path}`,
      });
    return await readFile(path);
  }

  async remove(id: string): Promise<void> {
    await rm(this.#pathOf(id), { force: true });
  }

  #pathOf(id: string): string {
    if (!RUN_ID.test(id)) throw new RangeError(`not a run's id: ${id.slice(0, 80)}`);
    return join(this.#dir, `${id}${EXTENSION}`);
  }
}
