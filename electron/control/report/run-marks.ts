/** The moments that every chart of a run marks: when a part went away and came back, and what was broken on purpose. */
import { ENGINE_TITLES } from '../cluster/engine-down.ts';
import type { Incident } from './run-record.ts';

export interface RunMark {
  /** ms since the first request. */
  readonly tMs: number;
  /** `Redis away`, `worker-1, worker-2 back`. */
  readonly label: string;
}

/** Marks that are closer than this share of the axis would have their names on each other. */
const NAME_SHARE = 0.16;
const LANES = 4;

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
    const name = ENGINE_NAMES.get(part) ?? part;
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

const ENGINE_NAMES = new Map<string, string>(Object.entries(ENGINE_TITLES));

/** The marks with the lane that each name stands in, so that neighbours don't write over each other. */
export function layMarks<Mark extends RunMark>(
  marks: readonly Mark[],
  endMs: number,
): readonly (Mark & { readonly lane: number })[] {
  const lastInLane = new Array<number>(LANES).fill(-Infinity);
  return [...marks]
    .sort((a, b) => a.tMs - b.tMs)
    .map((mark) => {
      const free = lastInLane.findIndex((tMs) => mark.tMs - tMs > endMs * NAME_SHARE);
      const lane = free === -1 ? lastInLane.indexOf(Math.min(...lastInLane)) : free;
      lastInLane[lane] = mark.tMs;
      return { ...mark, lane };
    });
}
