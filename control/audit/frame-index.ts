/**
 * Which subjects wait for which record: reservations of one frame share one, so a million outcomes are some
 * ten thousand reads.
 */
import { parseReservationId } from '../../services/shared/ids.ts';
import type { LoadLedger } from './ledger.ts';

/** The subjects of one record and their places in it. */
export interface RecordSubjects {
  readonly kind: 'framed' | 'keyed';
  /** Frame id, or digest. */
  readonly id: string;
  readonly subjects: number[];
  readonly places: number[];
}

export interface FrameIndex {
  readonly records: readonly RecordSubjects[];
  /** Requests whose reservation id an earlier request was given, too. */
  readonly duplicates: readonly number[];
  /** Requests that were sent again under their key, each with the first one of its reservation. */
  readonly repeats: ReadonlyMap<number, number>;
}

/**
 * Groups accepted requests and strays by the record that holds their outcome. An invalid id, or one of
 * another sale, has no record: its subject gets no outcome.
 */
export function indexFrames(saleId: string, ledger: LoadLedger, strays: readonly string[]): FrameIndex {
  const byRecord = new Map<string, RecordSubjects & { readonly seen: Set<number> }>();
  const duplicates: number[] = [];
  const repeats = new Map<number, number>();
  const add = (id: string, subject: number): void => {
    const ref = parseReservationId(id);
    if (!ref || ref.saleId !== saleId) return;
    const recordId = ref.kind === 'framed' ? ref.frameId : ref.digest;
    const place = ref.kind === 'framed' ? ref.index : 0;
    // A digest may look like anything but a frame id: that has a dash after 6..16 characters, and a digest
    // may, too.
    const key = `${ref.kind} ${recordId}`;
    let record = byRecord.get(key);
    if (!record) {
      record = { kind: ref.kind, id: recordId, subjects: [], places: [], seen: new Set() };
      byRecord.set(key, record);
    }
    // A keyed reservation is one, however often it was sent.
    if (record.seen.has(place)) {
      if (ref.kind === 'framed') duplicates.push(subject);
      else repeats.set(subject, record.subjects[0] ?? subject);
    }
    record.seen.add(place);
    record.subjects.push(subject);
    record.places.push(place);
  };
  for (let request = 0; request < ledger.count; request++) {
    const id = ledger.reservationId(request);
    if (id !== undefined) add(id, request);
  }
  strays.forEach((id, at) => add(id, ledger.count + at));
  return { records: [...byRecord.values()], duplicates, repeats };
}
