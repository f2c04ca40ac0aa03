/** A ZIP file of files that are compressed already: they are stored as they are. */
import { crc32 } from 'node:zlib';

const VERSION = 20;
/** 1 January 1980, the first date of the format: the same files give the same bytes. */
const DATE = 0x21;

/** @param files with plain ASCII names */
export function zipOf(files: readonly { readonly name: string; readonly bytes: Buffer }[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes } of files) {
    const facts = Buffer.alloc(26);
    facts.writeUInt16LE(VERSION, 0);
    facts.writeUInt16LE(DATE, 8);
    facts.writeUInt32LE(crc32(bytes), 10);
    facts.writeUInt32LE(bytes.length, 14);
    facts.writeUInt32LE(bytes.length, 18);
    facts.writeUInt16LE(name.length, 22);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    const head = [Buffer.from('PK\x03\x04', 'latin1'), facts, Buffer.from(name, 'latin1'), bytes];
    directory.push(
      Buffer.from(`PK\x01\x02${String.fromCharCode(VERSION)}\0`, 'latin1'),
      facts,
      place,
      Buffer.from(name, 'latin1'),
    );
    parts.push(...head);
    offset += head.reduce((sum, { length }) => sum + length, 0);
  }
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(
    directory.reduce((sum, { length }) => sum + length, 0),
    8,
  );
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, ...directory, Buffer.from('PK\x05\x06', 'latin1'), end]);
}
