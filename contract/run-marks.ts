/** The moments that the charts of a run mark: a part was lost or came back, or the attack broke something. */
import { BACKEND_TITLES } from './backends.ts';
import { outcomeTitle, recordedFault } from './fault-syntax.ts';
import type { FaultOutcome, Incident } from './run-record.ts';

export interface RunMark {
  /** ms since the first request. */
  readonly tMs: number;
  /** `Redis away`, `worker-1, worker-2 back`. */
  readonly label: string;
  /** Where the band of a fault that lasts ends; past the last sample while it still lasts. */
  readonly endMs?: number;
}

/** Share of the axis that a letter of a label takes, in a narrow chart of a projector. */
const LETTER_SHARE = 0.016;
const LANES = 4;

/** A mark with the place of its name. */
export interface LaidMark extends RunMark {
  /** Line below the chart's upper edge. */
  readonly lane: number;
  /** Whether the name stands to the left of the moment. */
  readonly isTurned: boolean;
}

/** ms within which the same incident of several parts is one mark. */
const SAME_MOMENT_MS = 300;
/** ms within which the end or the stop of a part counts as the fault's, which has its own mark. */
const FAULT_SHOWS_MS = 2_000;
/** More parts than these at one moment are counted, not named. */
const MAX_NAMED = 2;
/** Most marks: a part that restarts for an hour must not fill the charts. */
const MAX_MARKS = 100;

const WORDS: Readonly<Partial<Record<Incident['kind'], string>>> = {
  ended: 'away',
  failed: 'given up',
  back: 'back',
  paused: 'stood still',
};

/** The marks of a run, in the order of time. */
export function marksOfRun(run: {
  readonly incidents?: readonly Incident[] | undefined;
  readonly faults?: readonly FaultOutcome[] | undefined;
}): readonly RunMark[] {
  const { incidents = [], faults = [] } = run;
  const broken = faults.flatMap((fault) => (fault.tMs === undefined ? [] : [{ ...fault, tMs: fault.tMs }]));
  const groups: { readonly tMs: number; readonly word: string; readonly names: string[] }[] = [];
  for (const { tMs, part, kind } of incidents) {
    const word = WORDS[kind];
    const ofPart = broken.filter((fault) => fault.target.split(', ').includes(part));
    const isReturn = kind === 'back' && ofPart.length > 0;
    const isOnPurpose =
      kind !== 'back' &&
      ofPart.some(
        (fault) => tMs > fault.tMs - FAULT_SHOWS_MS && tMs < (fault.endMs ?? fault.tMs) + FAULT_SHOWS_MS,
      );
    if (word === undefined || isOnPurpose || (tMs < 0 && !isReturn)) continue;
    const name = BACKEND_NAMES.get(part) ?? part;
    const group = groups.findLast((one) => one.word === word && tMs - one.tMs < SAME_MOMENT_MS);
    // The charts begin with the first request: what was broken and came back before it has both marks there.
    if (group === undefined) groups.push({ tMs: Math.max(0, tMs), word, names: [name] });
    else if (!group.names.includes(name)) group.names.push(name);
  }
  const marks = groups.slice(0, MAX_MARKS).map(({ tMs, word, names }) => ({
    tMs,
    label: `${names.length > MAX_NAMED ? `${names.length} parts` : names.join(', ')} ${word}`,
  }));
  const onPurpose = broken.map((fault) => {
    const { hadEffect, tMs, endMs = tMs + (recordedFault(fault.fault)?.lengthMs ?? 0) } = fault;
    const band = hadEffect && endMs > tMs ? { endMs } : {};
    return { tMs: Math.max(0, tMs), label: outcomeTitle(fault), ...band };
  });
  return [...onPurpose, ...marks].sort((a, b) => a.tMs - b.tMs);
}

const BACKEND_NAMES = new Map<string, string>(Object.entries(BACKEND_TITLES));

/** Places the labels on an axis that ends at `endMs`, so that they don't overlap. */
export function layMarks(marks: readonly RunMark[], endMs: number): readonly LaidMark[] {
  const takenUntilMs = new Array<number>(LANES).fill(-Infinity);
  return [...marks]
    .sort((a, b) => a.tMs - b.tMs)
    .map((mark) => {
      const nameMs = endMs * LETTER_SHARE * mark.label.length;
      // Where it would not fit to the right, a label is left of its moment.
      const isTurned = mark.tMs + nameMs > endMs;
      const fromMs = isTurned ? mark.tMs - nameMs : mark.tMs;
      const free = takenUntilMs.findIndex((untilMs) => fromMs >= untilMs);
      const lane = free === -1 ? takenUntilMs.indexOf(Math.min(...takenUntilMs)) : free;
      takenUntilMs[lane] = fromMs + nameMs;
      return { ...mark, lane, isTurned };
    });
}
