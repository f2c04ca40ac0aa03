/** Kept apart from ids.ts, which the renderer reaches through the contract: a browser has no `node:crypto`. */
import { createHash } from 'node:crypto';
import { HALF_DIGEST_LENGTH } from './ids.ts';

/**
 * Digest of a keyed reservation: 66 bits that name the Idempotency-Key, then 66 bits of what was asked for. A retry has the same
 * digest. The same key with another buyer or quantity has the same name and another ask, and so an id of its own: nobody reads
 * another's outcome, and the key is seen to be used a second time.
 */
export function idempotencyDigest(key: string, userId: string, quantity: number): string {
  return half(key) + half(`${key}\n${userId}\n${quantity}`);
}

function half(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, HALF_DIGEST_LENGTH);
}
