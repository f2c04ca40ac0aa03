/** Two sets of runs compared: their set-ups first, then each metric with an interval, so that noise is not called a change. */
import { EXIT } from './exit-codes.ts';
import { figure, percent, plural, whole } from './format.ts';
import type { RunRecord } from './run-record.ts';
import { factGroups, verdictWord } from './run-text.ts';
import { withheldOf } from './run-notes.ts';
import { METRIC_TEXTS, SLO_METRICS, type MetricName } from './slo.ts';
import { CONFIDENCE, canTell, fewestRuns, shiftsOf, type Shift } from './two-samples.ts';

/** In the place of a run's id: what the baseline holds. */
export const BASELINE = 'baseline';

/** What a comparison can be exported as, with its label in a menu. */
export const COMPARISON_EXPORTS = {
  html: 'Report, one HTML file',
  md: 'Summary for a pull request, Markdown',
  json: 'For programs, JSON',
} as const;
export type ComparisonFormat = keyof typeof COMPARISON_EXPORTS;
export const COMPARISON_FORMATS = Object.keys(COMPARISON_EXPORTS) as ComparisonFormat[];

interface Compared {
  readonly isMoreBetter?: true;
  /** Words for a change to the better and to the worse. */
  readonly words: readonly [better: string, worse: string];
}
const TIME: Compared = { words: ['faster', 'slower'] };

/**
 * Metrics that are compared. Throughput is judged by itself: a loss of it is what most ask for, and is found in fewer runs than
 * where all others could be the one that differs by chance.
 */
const FAMILIES: readonly Partial<Record<MetricName, Compared>>[] = [
  { rps: { ...TIME, isMoreBetter: true } },
  {
    p50: TIME,
    p90: TIME,
    p99: TIME,
    p999: TIME,
    errors: { words: ['fewer', 'more'] },
    time_to_sold_out: TIME,
    time_to_drain: TIME,
  },
];
const METRICS_OF_ALL = Math.max(...FAMILIES.map((family) => Object.keys(family).length));

/** The fewest runs of each side with which every metric can be told. */
export const FEWEST_RUNS = fewestRuns(METRICS_OF_ALL);
/** Whether so many runs can show that at least the throughput differs. */
export const areEnough = (runsA: number, runsB: number) => canTell(runsA, runsB, 1);

/** The smallest change that is told: a share of the value, of times not below the clock's noise. */
const LEAST_SHARE = 0.02;
const LEAST_MS = 0.1;
/** Of errors, which are a share themselves. */
const LEAST_ERRORS = 0.001;

/** `unknown`: too few runs, or not every run has a value. */
export type ChangeVerdict = 'better' | 'worse' | 'same' | 'unknown';

export interface MetricChange {
  readonly metric: MetricName;
  readonly a: number | undefined;
  readonly b: number | undefined;
  /** Relative to A, 0.05 for 5 % more; of errors their difference. */
  readonly change?: number;
  readonly interval?: readonly [low: number, high: number];
  readonly verdict: ChangeVerdict;
  /** The verdict in a word or two: `slower`, `no difference found`, `can't tell`. */
  readonly word: string;
}

export interface ComparedSide {
  readonly name: string;
  /** Runs whose figures count. */
  readonly runs: readonly RunRecord[];
  /** Runs whose figures prove nothing, each with the reason. */
  readonly leftOut: readonly { readonly id: string; readonly why: string }[];
}

export interface Comparison {
  /** The worst of all metrics; `mixed` where some are better and some worse. */
  readonly verdict: ChangeVerdict | 'mixed';
  readonly a: ComparedSide;
  readonly b: ComparedSide;
  /** Where the set-ups differ: what, and its values on both sides. */
  readonly setUp: readonly (readonly [what: string, a: string, b: string])[];
  readonly metrics: readonly MetricChange[];
  /** What a reader has to know of it, one sentence each. */
  readonly notes: readonly string[];
}

/** Runs of one side that are named; more are counted. */
const NAMED_RUNS = 3;

/** What a side is called that people chose run by run. */
export function sideName(records: readonly RunRecord[]): string {
  const [first] = records;
  if (first?.group !== undefined && records.every(({ group }) => group === first.group)) return first.group;
  return records.length > NAMED_RUNS
    ? plural(records.length, 'run')
    : records.map(({ id }) => id).join(', ') || 'nothing';
}

/**
 * The runs that are B, of runs that somebody wants to see side by side: those of another set-up than the oldest, or else of another
 * group, or else all but the oldest.
 */
export function secondSide(records: readonly RunRecord[]): RunRecord[] {
  const [oldest, ...others] = [...records].sort((x, y) => x.startedAt.localeCompare(y.startedAt));
  if (!oldest) return [];
  const unlike = [
    others.filter((record) => setUpDifferences([oldest], [record]).length > 0),
    others.filter(({ group }) => group !== oldest.group),
  ];
  return unlike.find((found) => found.length > 0) ?? others;
}

/** Compares B with A. */
export function compareRuns(
  a: { readonly name: string; readonly records: readonly RunRecord[] },
  b: { readonly name: string; readonly records: readonly RunRecord[] },
): Comparison {
  const [sideA, sideB] = [sideOf(a), sideOf(b)];
  const metrics = FAMILIES.flatMap((family) => familyChanges(family, sideA.runs, sideB.runs));
  const has = (verdict: ChangeVerdict) => metrics.some((one) => one.verdict === verdict);
  const verdict = has('worse')
    ? has('better')
      ? 'mixed'
      : 'worse'
    : has('better')
      ? 'better'
      : has('same')
        ? 'same'
        : 'unknown';
  const setUp = setUpDifferences(sideA.runs, sideB.runs);
  return { verdict, a: sideA, b: sideB, setUp, metrics, notes: notesOn(sideA, sideB, metrics) };
}

function sideOf({ name, records }: { name: string; records: readonly RunRecord[] }): ComparedSide {
  const isWithheld = (record: RunRecord) => withheldOf(record).length > 0;
  const isSound = (record: RunRecord) =>
    (record.end ?? 'finished') === 'finished' && record.verdict !== 'invalid' && !isWithheld(record);
  const leftOut = records
    .filter((record) => !isSound(record))
    .map((record) => ({
      id: record.id,
      why: isWithheld(record) ? WITHHELD : (record.reasons[0] ?? verdictWord(record)),
    }));
  const runs = records.filter(isSound).sort((x, y) => x.startedAt.localeCompare(y.startedAt));
  return { name, runs, leftOut };
}

const WITHHELD = 'the speed verdict is withheld, because the load generator or its machine was the limit.';

/** Runs that alternate are judged within blocks of so many neighbours: A B, B A. */
const BLOCK = 4;

/** The block of each run of A, then of B, where both were made in turn; `undefined` where they were not. */
function blocksOf(a: readonly RunRecord[], b: readonly RunRecord[]): number[] | undefined {
  const inTime = [...a, ...b]
    .map(({ startedAt }, at) => ({ startedAt, at, isA: at < a.length }))
    .sort((x, y) => x.startedAt.localeCompare(y.startedAt));
  const blocks = inTime.map(() => 0);
  for (let from = 0; from < inTime.length; from += BLOCK) {
    const block = inTime.slice(from, from + BLOCK);
    if (block.filter(({ isA }) => isA).length * 2 !== block.length) return undefined;
    for (const { at } of block) blocks[at] = from / BLOCK;
  }
  return blocks;
}

function familyChanges(
  family: (typeof FAMILIES)[number],
  runsA: readonly RunRecord[],
  runsB: readonly RunRecord[],
): MetricChange[] {
  const rows = (Object.entries(family) as [MetricName, Compared][]).map(([metric, about]) => {
    const read = (runs: readonly RunRecord[]) => runs.map((run) => SLO_METRICS[metric].read(run));
    const [a, b] = [read(runsA), read(runsB)];
    const isKnown = [...a, ...b].every((value) => value !== undefined);
    // Ratios, wherever there can be one: 5 % is 5 % whatever the machine.
    const isRatio = SLO_METRICS[metric].unit !== 'share' && [...a, ...b].every((value = 0) => value > 0);
    const scaled = (values: readonly (number | undefined)[]) =>
      values.map((value = 0) => (isRatio ? Math.log(value) : value));
    return { metric, about, isKnown, isRatio, medians: [median(a), median(b)], a: scaled(a), b: scaled(b) };
  });
  const shifts = shiftsOf(
    rows.filter(({ isKnown }) => isKnown),
    blocksOf(runsA, runsB),
  );
  return rows.map(({ metric, about, isKnown, isRatio, medians: [a, b] }): MetricChange => {
    const shift = isKnown ? shifts.shift() : undefined;
    if (!shift) return { metric, a, b, verdict: 'unknown', word: "can't tell" };
    const isShare = SLO_METRICS[metric].unit === 'share';
    // A difference in ms of times of which one is 0 has no ratio to the other.
    const toChange = (value: number) =>
      isRatio ? Math.expm1(value) : isShare ? value : value / Math.max(a ?? 0, b ?? 0, Number.MIN_VALUE);
    const change = toChange(shift.shift);
    const verdict = judge(metric, about, shift, change, Math.abs((b ?? 0) - (a ?? 0)));
    return {
      metric,
      a,
      b,
      change,
      ...(shift.interval && { interval: [toChange(shift.interval[0]), toChange(shift.interval[1])] }),
      verdict,
      word: {
        ...{ same: 'no difference found', unknown: "can't tell" },
        better: about.words[0],
        worse: about.words[1],
      }[verdict],
    };
  });
}

function judge(
  metric: MetricName,
  about: Compared,
  { shift, interval }: Shift,
  change: number,
  apart: number,
) {
  if (!interval) return 'unknown';
  const { unit } = SLO_METRICS[metric];
  const isSmall =
    Math.abs(change) < (unit === 'share' ? LEAST_ERRORS : LEAST_SHARE) ||
    (unit === 'time' && apart < LEAST_MS);
  if (isSmall || (interval[0] <= 0 && interval[1] >= 0)) return 'same';
  return shift > 0 === (about.isMoreBetter ?? false) ? 'better' : 'worse';
}

function median(values: readonly (number | undefined)[]): number | undefined {
  const sorted = values.filter((value) => value !== undefined).sort((x, y) => x - y);
  const at = (sorted.length - 1) / 2;
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}

/** Settings and environment of both sides, where they differ between the sides or within one. */
function setUpDifferences(a: readonly RunRecord[], b: readonly RunRecord[]): Comparison['setUp'] {
  const valuesOf = (runs: readonly RunRecord[]) => {
    const found = new Map<string, Set<string>>();
    for (const { title, facts } of runs.flatMap(factGroups))
      if (title === 'Attack' || title === 'Environment')
        for (const [name, value] of facts) found.set(name, (found.get(name) ?? new Set()).add(value));
    // Each run has a sale of its own.
    found.delete('Sale');
    return found;
  };
  if (a.length === 0 || b.length === 0) return [];
  const [ofA, ofB] = [valuesOf(a), valuesOf(b)];
  const textOf = (values: ReadonlySet<string> | undefined) => [...(values ?? ['–'])].sort().join(' or ');
  return [...new Set([...ofA.keys(), ...ofB.keys()])]
    .filter((name) => (ofA.get(name)?.size ?? 0) > 1 || textOf(ofA.get(name)) !== textOf(ofB.get(name)))
    .map((name) => [name, textOf(ofA.get(name)), textOf(ofB.get(name))]);
}

function notesOn(a: ComparedSide, b: ComparedSide, metrics: readonly MetricChange[]): string[] {
  const both = [...a.runs, ...b.runs];
  const broken = both.filter(({ exitCode }) => exitCode === 3).map(({ id }) => id);
  const times = ({ runs }: ComparedSide) => runs.map(({ startedAt }) => startedAt).sort();
  const [ofA, ofB] = [times(a), times(b)];
  const isApart = (ofA.at(-1) ?? '') < (ofB[0] ?? '') || (ofB.at(-1) ?? '') < (ofA[0] ?? '');
  const isTold = metrics.some(({ verdict }) => verdict !== 'unknown');
  return [
    ...[a, b].flatMap(({ name, leftOut }) =>
      [...new Set(leftOut.map(({ why }) => why))].map((why) => {
        const ids = leftOut.filter((one) => one.why === why).map(({ id }) => id);
        return `${plural(ids.length, 'run')} of ${name} left out (${ids.join(', ')}), since such figures prove nothing: ${why}`;
      }),
    ),
    ...(broken.length === 0
      ? []
      : [`The audit failed in ${broken.join(', ')}: that comes before any speed.`]),
    ...(areEnough(a.runs.length, b.runs.length)
      ? []
      : [
          `${plural(a.runs.length, 'run')} against ${plural(b.runs.length, 'run')}: too few to tell a change from noise. Make ${FEWEST_RUNS} or more of each: --repeat 10.`,
        ]),
    ...(isTold && isApart
      ? [
          'The runs of one side were all made before those of the other: if the machine changed meanwhile, that looks like a difference.',
        ]
      : []),
  ];
}

const ofShare = ({ metric }: MetricChange) => SLO_METRICS[metric].unit === 'share';

/** `+32 %`, `×12`, or `+0.2 points` of a share. */
function signed(value: number, isShare: boolean): string {
  // Nobody reads "+98,790 %".
  if (!isShare && value >= 9) return `×${whole(value + 1)}`;
  const tenths = Math.round(value * 1_000) / 10;
  return `${tenths > 0 ? '+' : tenths < 0 ? '−' : ''}${figure(Math.abs(tenths))}${isShare ? ' points' : ' %'}`;
}

/** The change of a metric, `–` where none is known. */
export const changeText = (one: MetricChange) =>
  one.change === undefined ? '–' : signed(one.change, ofShare(one));

/** `+28 % to +36 %`, `none` where there are too few runs. */
export const intervalText = (one: MetricChange) =>
  one.interval?.map((value) => signed(value, ofShare(one))).join(' to ') ?? 'none';

const valueText = (metric: MetricName, value: number | undefined) =>
  value === undefined ? 'not known' : METRIC_TEXTS[SLO_METRICS[metric].unit](value);

/** The interval's confidence, for the head of its column. */
export const CONFIDENCE_TEXT = percent(CONFIDENCE);

/** The figures side by side; the head first. */
export function comparisonRows({ metrics }: Comparison): readonly (readonly string[])[] {
  return [
    ['metric', 'A', 'B', 'B against A', `${CONFIDENCE_TEXT} interval`, 'finding'],
    ...metrics.map((one) => [
      one.metric,
      valueText(one.metric, one.a),
      valueText(one.metric, one.b),
      changeText(one),
      intervalText(one),
      one.word,
    ]),
  ];
}

/** Each metric of one group: median, lowest and highest; the head first. */
export function groupRows(records: readonly RunRecord[]): readonly (readonly string[])[] {
  const { runs } = sideOf({ name: '', records });
  return [
    ['metric', 'median', 'lowest', 'highest'],
    ...FAMILIES.flatMap((family) => Object.keys(family) as MetricName[]).map((metric) => {
      const known = runs.map((run) => SLO_METRICS[metric].read(run)).filter((value) => value !== undefined);
      const ends = known.length === 0 ? [undefined, undefined] : [Math.min(...known), Math.max(...known)];
      return [metric, ...[median(known), ...ends].map((value) => valueText(metric, value))];
    }),
  ];
}

/** Every metric that got better or worse, one sentence each. */
export function changeSentences({ metrics }: Comparison, verdict: 'better' | 'worse'): string[] {
  return metrics
    .filter((one) => one.verdict === verdict)
    .map(
      (one) =>
        `${SLO_METRICS[one.metric].title} went from ${valueText(one.metric, one.a)} to ${valueText(one.metric, one.b)}: ${one.word}, ${changeText(one)} (${CONFIDENCE_TEXT} interval ${intervalText(one)}).`,
    );
}

export const COMPARISON_WORDS = {
  worse: 'WORSE',
  mixed: 'MIXED',
  better: 'BETTER',
  same: 'NO DIFFERENCE FOUND',
  unknown: "CAN'T TELL",
} as const satisfies Record<Comparison['verdict'], string>;

/** Sides, set-ups, changes and notes in sentences: what each form tells before its table. */
export function comparisonSentences(comparison: Comparison): string[] {
  const { a, b, setUp, notes } = comparison;
  return [
    ...(setUp.length === 0
      ? []
      : [
          `Not the same set-up: ${setUp.map(([what, one, other]) => (one === other ? `${what} ${one} on both sides` : `${what} ${one} (A), ${other} (B)`)).join('; ')}.`,
        ]),
    `A is ${a.name} (${plural(a.runs.length, 'run')}), B is ${b.name} (${plural(b.runs.length, 'run')}).`,
    ...changeSentences(comparison, 'worse'),
    ...changeSentences(comparison, 'better'),
    ...notes,
  ];
}

/** For programs: everything but the records, which have files of their own. */
export function comparisonJson({ a, b, metrics, ...rest }: Comparison): unknown {
  const side = ({ name, runs, leftOut }: ComparedSide) => ({ name, runs: runs.map(({ id }) => id), leftOut });
  return {
    schema: 'flashgrid.comparison/1',
    confidence: CONFIDENCE,
    ...rest,
    a: side(a),
    b: side(b),
    metrics: metrics.map((one) => ({ ...one, unit: SLO_METRICS[one.metric].unit })),
  };
}

/** What got worse, and the exit code: 4 on a regression, 5 when nothing can be told. */
export function regressionOf(comparison: Comparison): {
  readonly worse: string[];
  readonly exitCode: number;
} {
  const worse = changeSentences(comparison, 'worse');
  if (worse.length > 0) return { worse, exitCode: EXIT.thresholdMissed };
  return { worse, exitCode: comparison.verdict === 'unknown' ? EXIT.invalid : EXIT.pass };
}
