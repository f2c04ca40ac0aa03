/** A file that can't be judged: damaged, changed, or no evidence at all. */
export class EvidenceError extends Error {
  override readonly name = 'EvidenceError';
}
