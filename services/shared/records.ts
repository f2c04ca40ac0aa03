/** What Redis keeps of decided reservations, besides the grants: the record of each frame, and those of refused keys. */
import { keyNameOf } from './ids.ts';
import { keyedKey, refusedKey } from './keys.ts';
import type { RecordPlace } from './keys.ts';
import { recordOfSlot, refusedRecordOf } from './outcomes.ts';
import type { RedisClient } from './redis.ts';

/** A reply that no version of the scripts gives. */
export class ReplyError extends Error {
  override readonly name = 'ReplyError';
}

/** The records of keyed reservations that were refused, each with its outcome at index 0. */
export async function readRefusals(
  redis: Pick<RedisClient, 'fgReadRefusals'>,
  namespace: string,
  saleId: string,
  generation: number,
  digests: readonly string[],
): Promise<(string | undefined)[]> {
  const key = refusedKey(namespace, saleId, generation);
  const reply = await redis.fgReadRefusals(key, namesOf(digests), 0);
  if (!Array.isArray(reply) || reply.length !== digests.length)
    throw new ReplyError(`read-refusals answered ${JSON.stringify(reply)}`);
  return digests.map((digest, at) => {
    const kept: unknown = reply[at];
    return typeof kept === 'string' && kept !== '' ? refusedRecordOf(kept, digest) : undefined;
  });
}

/** Deletes the records of keyed reservations. */
export async function forgetKeys(
  redis: Pick<RedisClient, 'fgReadRefusals' | 'unlink'>,
  namespace: string,
  saleId: string,
  generation: number,
  digests: readonly string[],
): Promise<void> {
  await Promise.all([
    redis.fgReadRefusals(refusedKey(namespace, saleId, generation), namesOf(digests), 1),
    redis.unlink(...digests.map((digest) => keyedKey(namespace, saleId, generation, digest))),
  ]);
}

function namesOf(digests: readonly string[]): string {
  return digests.map((digest) => `${keyNameOf(digest)}\n`).join('');
}

/** A frame's record, and, in a bucket, when it was written. */
export async function readRecord(
  redis: Pick<RedisClient, 'get' | 'hget'>,
  { key, bucketKey, slot }: RecordPlace,
): Promise<{ readonly record: string; readonly atMs?: number } | undefined> {
  // A record moves from one place to the other at most once, with a new epoch.
  const [kept, record] = await Promise.all([
    slot === '' ? null : redis.hget(bucketKey, slot),
    redis.get(key),
  ]);
  if (kept !== null) return recordOfSlot(kept);
  return record === null ? undefined : { record };
}
