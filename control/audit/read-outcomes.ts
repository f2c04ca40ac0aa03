import { keyedKey, recordPlace } from '../../services/shared/keys.ts';
import { RecordError, keyedRecordOf, parseRecord, recordOfSlot } from '../../services/shared/outcomes.ts';
import type { RedisClient } from '../../services/shared/redis.ts';
import { readRefusals } from '../../services/shared/records.ts';
import { GRANTED_CODE, type RecordedOutcomes } from './evidence.ts';
import type { FrameIndex, RecordSubjects } from './frame-index.ts';

/** Records read at once. All keys of a sale share a hash tag, so MGET works on a Redis Cluster, too. */
const BATCH = 500;

/**
 * Reads the record of every frame and looks up the outcome of each subject.
 * @param published records by frame id, asked for once Redis lacks one
 */
export async function readOutcomes(
  redis: RedisClient,
  namespace: string,
  { id: saleId, generation }: { readonly id: string; readonly generation: number },
  { records }: FrameIndex,
  subjectCount: number,
  signal: AbortSignal,
  published: () => ReadonlyMap<string, string> = () => new Map(),
): Promise<RecordedOutcomes> {
  const collected = new OutcomeColumns(subjectCount);
  for (let at = 0; at < records.length; at += BATCH) {
    signal.throwIfAborted();
    const batch = records.slice(at, at + BATCH);
    const places = batch.map(({ kind, id }) =>
      kind === 'framed'
        ? recordPlace(namespace, saleId, id)
        : { key: keyedKey(namespace, saleId, generation, id), bucketKey: '', slot: '' },
    );
    const keyed = batch.flatMap(({ kind, id }) => (kind === 'keyed' ? [id] : []));
    const [whole, inBuckets, ofKeys] = await Promise.all([
      redis.mget(places.map(({ key }) => key)),
      Promise.all(
        places.map(async ({ bucketKey, slot }) => (slot === '' ? null : await redis.hget(bucketKey, slot))),
      ),
      keyed.length === 0 ? [] : readRefusals(redis, namespace, saleId, generation, keyed),
    ]);
    const refusals = new Map(keyed.map((digest, at) => [digest, ofKeys[at]]));
    const texts = whole.map((text, at) => {
      const kept = inBuckets[at];
      return typeof kept === 'string' ? recordOfSlot(kept).record : text;
    });
    batch.forEach((record, place) => {
      const text = texts[place];
      const refusal = refusals.get(record.id);
      if (typeof text === 'string')
        collected.add(record, record.kind === 'framed' ? text : keyedRecordOf(text, record.id));
      else if (refusal !== undefined) collected.add(record, refusal);
      else collected.addPublished(record, published().get(record.id));
    });
  }
  return collected;
}

/** Outcomes in columns, filled record by record. */
export class OutcomeColumns implements RecordedOutcomes {
  readonly code: Uint8Array;
  readonly firstUnit: Int32Array;
  readonly units = new Map<number, readonly number[]>();
  readonly unreadable: string[] = [];
  fromPublished = 0;

  constructor(subjectCount: number) {
    this.code = new Uint8Array(subjectCount);
    this.firstUnit = new Int32Array(subjectCount);
  }

  /**
   * What a worker published of a frame that Redis has no record of. Grants are left out: they count by their tickets alone,
   * since a rebuild drops a grant that was not committed.
   */
  addPublished(record: RecordSubjects, text: string | undefined): void {
    if (text === undefined) return;
    this.add(record, text);
    for (const subject of record.subjects) {
      if (this.code[subject] === GRANTED_CODE) {
        this.code[subject] = 0;
        this.firstUnit[subject] = 0;
        this.units.delete(subject);
      } else if (this.code[subject] !== 0) this.fromPublished++;
    }
  }

  add({ id, subjects, places }: RecordSubjects, text: string): void {
    try {
      const { codes, grants } = parseRecord(text, countOf(text, places));
      const granted = new Map(grants.map(({ index, units }) => [index, units]));
      subjects.forEach((subject, at) => {
        const place = places[at] ?? 0;
        // A place beyond the record has no outcome.
        if (place >= codes.length) return;
        this.code[subject] = codes.charCodeAt(place);
        const units = granted.get(place) ?? [];
        this.firstUnit[subject] = units[0] ?? 0;
        if (units.length > 1) this.units.set(subject, units);
      });
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      // Its reservations stay without an outcome, which the audit reports; the frame's id tells where to
      // look.
      this.unreadable.push(id);
    }
  }
}

/** Reservations in a record: the length of its codes, or, of folded ones, as many as are asked for. */
function countOf(text: string, places: readonly number[]): number {
  const start = text.indexOf('|') + 1;
  if (text[start] !== '*') return text.indexOf('|', start) - start;
  let last = 0;
  for (const place of places) if (place > last) last = place;
  return last + 1;
}
