/** Not in ids.ts, which the renderer loads through the contract: a browser has no `node:crypto`. */
import { createHash } from 'node:crypto';
import { HALF_DIGEST_LENGTH } from './ids.ts';

/**
 * Digest of a keyed reservation: 66 bits that name the Idempotency-Key, then 66 bits for the ask, which is
 * buyer and quantity. A retry has the same digest. The same key with another ask has the same first half,
 * which shows the second use, and an id of its own, so that no caller reads another's outcome.
 */
export function idempotencyDigest(key: string, userId: string, quantity: number): string {
  return half(key) + half(`${key}\n${userId}\n${quantity}`);
}

function half(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, HALF_DIGEST_LENGTH);
}
