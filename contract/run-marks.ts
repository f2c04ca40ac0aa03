/** The moments that every chart of a run marks: when a part went away and came back, and what was broken on purpose. */
import { BACKEND_TITLES } from './backends.ts';
import type { Incident } from './run-record.ts';

export interface RunMark {
  /** ms since the first request. */
  readonly tMs: number;
  /** `Redis away`, `worker-1, worker-2 back`. */
  readonly label: string;
}

/** Share of the axis that a name takes. */
const NAME_SHARE = 0.2;
/** Past this share of the axis a name stands to the left of its moment: it would hang over the edge. */
const TURN_SHARE = 0.8;
const LANES = 4;

/** A mark with the place of its name. */
export interface LaidMark extends RunMark {
  /** Line below the chart's upper edge. */
  readonly lane: number;
  /** Whether the name stands to the left of the moment. */
  readonly isTurned: boolean;
}

/** ms within which what happens alike to several parts is one mark. */
const SAME_MOMENT_MS = 300;
/** ms within which the ends of workers that were killed on purpose show: these are told already, as what they are. */
const KILL_SHOWS_MS = 2_000;
/** More parts than these at one moment are counted, not named. */
const MAX_NAMED = 2;
/** A part that comes and goes for an hour must not fill the charts. */
const MAX_MARKS = 100;

const WORDS: Readonly<Partial<Record<Incident['kind'], string>>> = {
  ended: 'away',
  failed: 'given up',
  back: 'back',
  paused: 'stood still',
};

/** What is marked of a run, in the order of time. */
export function marksOfRun(run: {
  readonly incidents?: readonly Incident[] | undefined;
  readonly workersKilledAtMs?: number | undefined;
}): readonly RunMark[] {
  const { incidents = [], workersKilledAtMs } = run;
  const groups: { readonly tMs: number; readonly word: string; readonly names: string[] }[] = [];
  for (const { tMs, part, kind } of incidents) {
    const word = WORDS[kind];
    const isKilled =
      workersKilledAtMs !== undefined &&
      kind === 'ended' &&
      part.startsWith('worker-') &&
      Math.abs(tMs - workersKilledAtMs) < KILL_SHOWS_MS;
    if (word === undefined || isKilled || tMs < 0) continue;
    const name = BACKEND_NAMES.get(part) ?? part;
    const group = groups.findLast((one) => one.word === word && tMs - one.tMs < SAME_MOMENT_MS);
    if (group === undefined) groups.push({ tMs, word, names: [name] });
    else if (!group.names.includes(name)) group.names.push(name);
  }
  const marks = groups.slice(0, MAX_MARKS).map(({ tMs, word, names }) => ({
    tMs,
    label: `${names.length > MAX_NAMED ? `${names.length} parts` : names.join(', ')} ${word}`,
  }));
  const killed = workersKilledAtMs === undefined ? [] : [{ tMs: workersKilledAtMs, label: 'workers killed' }];
  return [...killed, ...marks].sort((a, b) => a.tMs - b.tMs);
}

const BACKEND_NAMES = new Map<string, string>(Object.entries(BACKEND_TITLES));

/** Places the names on an axis that ends at `endMs`, so that neighbours don't write over each other. */
export function layMarks(marks: readonly RunMark[], endMs: number): readonly LaidMark[] {
  const nameMs = endMs * NAME_SHARE;
  const takenUntilMs = new Array<number>(LANES).fill(-Infinity);
  return [...marks]
    .sort((a, b) => a.tMs - b.tMs)
    .map((mark) => {
      const isTurned = mark.tMs > endMs * TURN_SHARE;
      const fromMs = isTurned ? mark.tMs - nameMs : mark.tMs;
      const free = takenUntilMs.findIndex((untilMs) => fromMs >= untilMs);
      const lane = free === -1 ? takenUntilMs.indexOf(Math.min(...takenUntilMs)) : free;
      takenUntilMs[lane] = fromMs + nameMs;
      return { ...mark, lane, isTurned };
    });
}
