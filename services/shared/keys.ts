/**
 * Every Redis key and channel is built here, except for the shards of refused keys (lua/decide-frame.lua). All keys of a
 * sale share one hash tag, so that a script may use them on a Redis Cluster.
 */
import { bucketOf, keyNameOf } from './ids.ts';

/** ms for which the outcomes of a frame stay readable. */
export const RECORD_RETENTION_MS = 20 * 60_000;

export interface SaleKeys {
  /** Hash: facts, remaining units and counters of the sale. */
  readonly sale: string;
  /** Hash: user id → units granted. Buyers without units are not in it. */
  readonly buyers: string;
  /**
   * Hash of grants that must be known as long as the sale: `k.` and a key's name → ask and `unit,unit`. A
   * rebuild adds frame id → `index:unit,unit;…`.
   */
  readonly granted: string;
  /** List: unit numbers below `next` that are free again. */
  readonly returned: string;
  /** String with expiry: token of the rebuild under way. */
  readonly lock: string;
}

/** Keys of one sale in one namespace. */
export function saleKeys(namespace: string, saleId: string): SaleKeys {
  const tag = `${namespace}:{${saleId}}`;
  return {
    sale: `${tag}:sale`,
    buyers: `${tag}:buyers`,
    granted: `${tag}:granted`,
    returned: `${tag}:returned`,
    lock: `${tag}:lock`,
  };
}

/**
 * Where a rebuild loads what will replace `buyers`, `granted` and `returned`. They expire if it never ends.
 */
export function rebuildKeys(
  namespace: string,
  saleId: string,
  token: string,
): Pick<SaleKeys, 'buyers' | 'granted' | 'returned'> {
  const prefix = `${namespace}:{${saleId}}:rebuild:${token}`;
  return { buyers: `${prefix}:buyers`, granted: `${prefix}:granted`, returned: `${prefix}:returned` };
}

/** Where the outcomes of one frame are (outcomes.ts). lua/decide-frame.lua chooses between the two. */
export interface RecordPlace {
  /** String with expiry: the record. */
  readonly key: string;
  /** Hash with expiry: slot → record of a small frame; with many records in one key, each takes little memory. */
  readonly bucketKey: string;
  /** Empty when the frame has no place in a bucket. */
  readonly slot: string;
}

/** Where the outcomes of a frame are kept. */
export function recordPlace(namespace: string, saleId: string, frameId: string): RecordPlace {
  const place = bucketOf(frameId);
  return {
    key: frameKey(namespace, saleId, frameId),
    bucketKey: `${namespace}:{${saleId}}:fs:${place?.bucket ?? ''}`,
    slot: place?.slot ?? '',
  };
}

/** String with expiry: the outcomes of one frame that is not in a bucket (outcomes.ts). */
export function frameKey(namespace: string, saleId: string, frameId: string): string {
  return `${namespace}:{${saleId}}:f:${frameId}`;
}

/**
 * String with expiry: what a key was granted in one generation of the sale; `keyedRecordOf` reads it. The generation is in
 * the key because a reset clears refusals, too, which former versions kept here.
 */
export function keyedKey(namespace: string, saleId: string, generation: number, digest: string): string {
  return `${namespace}:{${saleId}}:k:${generation}:${keyNameOf(digest)}`;
}

/** String with expiry: where refused keys of a generation are kept. Their hashes, which the scripts name, begin with it. */
export function refusedKey(namespace: string, saleId: string, generation: number): string {
  return `${namespace}:{${saleId}}:r:${generation}`;
}

/** Field of the hash `granted` for a key. */
export function keyedField(digest: string): string {
  return `k.${keyNameOf(digest)}`;
}

/** Channel: outcomes of decided frames (events.ts, `encodeOutcomeEvent`). */
export function outcomeChannel(namespace: string): string {
  return `${namespace}:outcomes`;
}

/** Channel: facts of sales that changed (events.ts, `saleChanged`). */
export function saleChannel(namespace: string): string {
  return `${namespace}:sales`;
}

/** String with expiry that BackendWatch writes. */
export function healthKey(namespace: string): string {
  return `${namespace}:health`;
}

/** Set: ids of all sales that Redis knows. It has no sale's hash tag, so no sale's script may use it. */
export function saleIndexKey(namespace: string): string {
  return `${namespace}:sale-ids`;
}

/** String with expiry: `host:port` under which the other gateways reach this one. */
export function gatewayKey(namespace: string, gatewayId: string): string {
  return `${namespace}:gateway:${gatewayId}`;
}
