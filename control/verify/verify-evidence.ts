/**
 * Judges a run again from its evidence file, offline. It shares no code with the audit, the writer of the
 * file or the engine, on purpose: a mistake in one of them must not hide itself here. docs/evidence.md
 * describes the file and what each check compares.
 */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

import { EvidenceError } from './evidence-error.ts';
import { Judge, type Judgement } from './judge.ts';
import type { EvidenceRequest } from './sale-judge.ts';

export interface VerifyOptions {
  /** The root that was printed with the verdict; a file with another one was changed. */
  readonly expectedRoot?: string;
  /** Receives every request, for a history in another form. */
  onRequest?(request: EvidenceRequest): void;
}

const UNREADABLE = new Set(['ENOENT', 'EACCES', 'EISDIR', 'ENOTDIR', 'EIO']);
/** Characters of the longest line: the first one holds the settings and incidents of the run. */
const MAX_LINE = 4 * 1024 * 1024;

/**
 * Reads the file once and judges it.
 * @throws EvidenceError
 */
export async function verifyEvidence(path: string, options: VerifyOptions = {}): Promise<Judgement> {
  const judge = new Judge(options.onRequest);
  let rest = '';
  const gunzip = createGunzip();
  // Whoever fails first has the reason: the pipeline may end with the abort of another one.
  let first: unknown;
  gunzip.once('error', (error) => (first ??= error));
  try {
    await pipeline(createReadStream(path), gunzip, async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        const lines = (rest + chunk.toString('latin1')).split('\n');
        rest = lines.pop() ?? '';
        try {
          if (rest.length > MAX_LINE) throw new EvidenceError('A record is longer than any of this format.');
          for (const line of lines) judge.read(line);
        } catch (error) {
          first ??= error;
          throw error;
        }
      }
    });
  } catch (failure) {
    const error = first ?? failure;
    if (error instanceof EvidenceError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (UNREADABLE.has(code)) throw new EvidenceError(`${path} can't be read (${code}).`, { cause: error });
    if (code.startsWith('Z_'))
      throw new EvidenceError('The file is no gzip file, or was cut off or changed.', { cause: error });
    throw error;
  }
  if (rest !== '') throw new EvidenceError('The file was cut off: its last record is not complete.');
  return judge.finish(options.expectedRoot);
}
