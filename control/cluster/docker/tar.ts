/** The smallest tar archive: a few text files. The daemon's API takes files in no other form. */

const BLOCK = 512;

export interface TarFile {
  /** Path below the folder that it is unpacked in. */
  readonly path: string;
  readonly text: string;
  /** Permission bits. */
  readonly mode: number;
}

/**
 * Packs files, owned by root. Folders are left out on purpose: unpacking one would set mode and owner of a
 * folder that exists.
 * @throws RangeError for a path that the old header can't hold
 */
export function packTar(files: readonly TarFile[]): Buffer {
  const parts: Buffer[] = [];
  for (const file of files) {
    const body = Buffer.from(file.text, 'utf8');
    parts.push(header(file, body.length), body, Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK));
  }
  // Two empty blocks end an archive.
  parts.push(Buffer.alloc(2 * BLOCK));
  return Buffer.concat(parts);
}

function header(file: TarFile, sizeBytes: number): Buffer {
  const name = Buffer.from(file.path.replace(/^\/+/, ''), 'utf8');
  if (name.length > 100) throw new RangeError(`${file.path} is too long for a tar header`);
  const block = Buffer.alloc(BLOCK);
  name.copy(block, 0);
  octal(block, file.mode, 100, 8);
  octal(block, 0, 108, 8);
  octal(block, 0, 116, 8);
  octal(block, sizeBytes, 124, 12);
  // A fixed time: equal files make equal archives.
  octal(block, 0, 136, 12);
  block.write('0', 156, 'ascii');
  block.write('ustar\0' + '00', 257, 'ascii');
  // The checksum counts its own field as blanks.
  block.fill(' ', 148, 156);
  octal(
    block,
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return block;
}

function octal(block: Buffer, value: number, offset: number, length: number): void {
  block.write(value.toString(8).padStart(length - 1, '0') + '\0', offset, 'ascii');
}
