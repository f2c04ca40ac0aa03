/**
 * Writes the evidence of a run into one compressed file that a sceptic can judge without FlashGrid; see
 * docs/evidence.md.
 */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { MerkleTree } from './merkle-tree.ts';

/** Characters that are compressed at once; between two chunks the event loop gets its turn. */
const CHUNK = 128 * 1024;

/**
 * Writes `records` and, as the last line, the root of their Merkle tree. The file is never seen half-written.
 * @returns the root, as 64 hexadecimal digits
 */
export async function writeEvidence(path: string, records: Iterable<string>): Promise<string> {
  const tree = new MerkleTree();
  const draft = `${path}.${process.pid}.tmp`;
  const chunks = function* (): Generator<string> {
    let chunk = '';
    for (const record of records) {
      tree.add(record);
      chunk += `${record}\n`;
      if (chunk.length < CHUNK) continue;
      yield chunk;
      chunk = '';
    }
    yield `${chunk}M\t${tree.root()}\t${tree.leaves}\n`;
  };
  try {
    await pipeline(
      Readable.from(chunks(), { objectMode: true, highWaterMark: 1 }),
      createGzip({ level: constants.Z_BEST_SPEED }),
      createWriteStream(draft, { mode: 0o600 }),
    );
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  return tree.root();
}
