/** How long answers took: the percentile curve, and the heat map over time. Records of earlier versions have neither. */
import { CHART_TEXTS } from '../chart-text.ts';
import { compact, milliseconds, plural } from '../format.ts';
import { STARTS } from '../run-figures.ts';
import type { RunRecord } from '../run-record.ts';
import type { ChartSpec, ColorName } from './chart.ts';
import { timeLabel } from './scale.ts';

const COLORS: Readonly<Record<keyof typeof STARTS, ColorName>> = { intended: 'violet', sent: 'green' };
const CURVE_TICKS = [50, 90, 99, 99.9, 99.99];
/** Rows that can each have a label. */
const MAX_LABELLED_ROWS = 6;

/** Each further nine takes the same width, as in HdrHistogram's plots. */
const nines = (percent: number) => -Math.log10(1 - percent / 100);

/** Answers by how long they took. The axis ends where fewer than one answer is left: beyond, all are the slowest. */
export function curveChart({ load }: RunRecord): ChartSpec[] {
  const all = (load.latencies ?? []).filter(({ outcome }) => outcome === 'answered');
  const [first] = all;
  if (!first) return [];
  const { title, hint } = CHART_TEXTS.curve;
  const end = Math.log10(Math.max(10, first.count));
  const inside = first.percentiles.filter(
    ([percent]) => percent > 0 && percent < 100 && nines(percent) <= end,
  );
  const ends = [...inside.map(([percent]) => ({ percent, at: nines(percent) })), { percent: 100, at: end }];
  const msAt = ({ percentiles }: (typeof all)[number], wanted: number) =>
    percentiles.find(([percent]) => percent === wanted)?.[1] ?? 0;
  return [
    {
      id: 'curve',
      title,
      caption: `${hint}.`,
      columns: ends.map(({ percent, at }, index) => ({
        startMs: ends[index - 1]?.at ?? 0,
        endMs: at,
        tooltip: `p${percent}: ${all.map((one) => `${milliseconds(msAt(one, percent))} from the ${STARTS[one.from]} send time`).join(', ')}`,
      })),
      series: all.map((one) => ({
        kind: 'line',
        name: `from the ${STARTS[one.from]} send time`,
        color: COLORS[one.from],
        isDashed: one.from === 'sent',
        initial: msAt(one, 0),
        values: ends.map(({ percent }) => msAt(one, percent)),
        note: `p99 ${milliseconds(msAt(one, 99))}`,
      })),
      xTicks: CURVE_TICKS.map((percent) => ({ at: nines(percent), label: `${percent} %` })),
      formatY: (value) => `${compact(value)} ms`,
    },
  ];
}

export function heatChart({ latencyHeat }: RunRecord): ChartSpec[] {
  if (!latencyHeat) return [];
  const { edgesMs, columns } = latencyHeat;
  const used = edgesMs
    .concat(Infinity)
    .flatMap((_, row) => (columns.some(({ counts }) => (counts[row] ?? 0) > 0) ? [row] : []));
  const [lowest = 0, highest = 0] = [used[0], used.at(-1)];
  const isSeconds = (columns.at(-1)?.tMs ?? 0) >= 1_500;
  const rows = highest - lowest + 1;
  // A row's upper edge; a label stands at each, or at the powers of ten.
  const edgeOf = (y: number) => edgesMs[lowest + y - 1] ?? (lowest + y === 0 ? 0 : Infinity);
  const isLabelled = (y: number) => rows <= MAX_LABELLED_ROWS || Number.isInteger(Math.log10(edgeOf(y)));
  const { title, hint } = CHART_TEXTS.heat;
  return [
    {
      id: 'heat',
      title,
      caption: `${hint}.`,
      columns: columns.map(({ tMs, counts }, at) => {
        const startMs = columns[at - 1]?.tMs ?? 0;
        const answers = counts.reduce((sum, count) => sum + count, 0);
        const most = counts.indexOf(Math.max(...counts)) - lowest;
        const mode = answers === 0 ? '' : `, most of them ${spanText(edgeOf(most), edgeOf(most + 1))}`;
        return {
          startMs,
          endMs: tMs,
          tooltip: `${timeLabel(startMs, isSeconds)} to ${timeLabel(tMs, isSeconds)}: ${plural(answers, 'answer')}${mode}`,
        };
      }),
      series: [],
      heat: columns.map(({ counts }) => counts.slice(lowest, highest + 1)),
      // One right below the uppermost would touch it.
      yTicks: [...Array.from({ length: Math.max(1, rows - 1) }, (_, y) => y).filter(isLabelled), rows],
      formatY: (y) => (Number.isFinite(edgeOf(y)) ? milliseconds(edgeOf(y)) : 'more'),
    },
  ];
}

const spanText = (fromMs: number, toMs: number) =>
  Number.isFinite(toMs)
    ? `within ${milliseconds(fromMs)} to ${milliseconds(toMs)}`
    : `over ${milliseconds(fromMs)}`;
