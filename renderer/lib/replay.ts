/** How a kept run stood at each of its moments: what its record's series sums up to until then. */
import type { Sample } from '../../contract/run-record.ts';
import type { SeriesTotals } from '../../contract/series.ts';

/** The counts are since the first request; queue depth and stock are those of the last sample. */
export interface Moment extends Pick<
  SeriesTotals,
  'sent' | 'accepted' | 'rejected' | 'unknown' | 'granted' | 'refused'
> {
  readonly tMs: number;
  readonly queueDepth: number;
  /** null while Redis, which counts the units, could not tell. */
  readonly remaining: number | null;
}

/** The moments at which something became known, one a sample; before the first one, nothing had happened. */
export function momentsOf(series: readonly Sample[], stock: number): readonly Moment[] {
  const first: Moment = {
    tMs: 0,
    sent: 0,
    accepted: 0,
    rejected: 0,
    unknown: 0,
    granted: 0,
    refused: 0,
    queueDepth: 0,
    remaining: stock,
  };
  const moments = [first];
  let last = first;
  for (const sample of series) {
    last = {
      tMs: sample.tMs,
      sent: last.sent + sample.sent,
      accepted: last.accepted + sample.accepted,
      rejected: last.rejected + sample.rejected,
      unknown: last.unknown + sample.unknown,
      granted: last.granted + sample.granted,
      refused: last.refused + sample.refused,
      queueDepth: sample.queueDepth,
      remaining: sample.remaining,
    };
    moments.push(last);
  }
  return moments;
}

/** Index of the last one that had come by then; -1 when none had. */
export function lastBefore(rows: readonly { readonly tMs: number }[], tMs: number): number {
  let [from, to] = [0, rows.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((rows[middle]?.tMs ?? 0) <= tMs) from = middle + 1;
    else to = middle;
  }
  return from - 1;
}

/** Replays slower than it was: `1/10×` shows a burst of a second in ten. */
export const REPLAY_SPEEDS = [
  { label: '1×', factor: 1 },
  { label: '¼×', factor: 1 / 4 },
  { label: '1/10×', factor: 1 / 10 },
] as const;
