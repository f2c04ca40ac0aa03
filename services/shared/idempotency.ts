/** Kept apart from ids.ts, which the renderer reaches through the contract: a browser has no `node:crypto`. */
import { createHash } from 'node:crypto';

/** Characters of the digest: 128 bits in base64url, as ids.ts `isKeyDigest` asks for. */
const KEY_DIGEST_LENGTH = 22;

/**
 * Digest (128 bits, base64url) of an Idempotency-Key. Buyer and key are both in it: two buyers that choose the same key
 * must not share a reservation.
 */
export function idempotencyDigest(userId: string, key: string): string {
  return createHash('sha256')
    .update(userId)
    .update('\n')
    .update(key)
    .digest('base64url')
    .slice(0, KEY_DIGEST_LENGTH);
}
