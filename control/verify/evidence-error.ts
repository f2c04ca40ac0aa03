/** A file that can't be judged: damaged, changed, or no evidence at all. */
export class EvidenceError extends Error {
  override readonly name = 'EvidenceError';
}

/** @throws EvidenceError, since something that every file has is missing */
export function cutOff(why: string): never {
  throw new EvidenceError(`The file was cut off: ${why}.`);
}
