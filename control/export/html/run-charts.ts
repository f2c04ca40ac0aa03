/** The charts of a run. */
import { paceFor } from '../../../contract/attack-settings.ts';
import { CHART_TEXTS } from '../../../contract/chart-text.ts';
import { latency, milliseconds, percent, whole, compact } from '../../../contract/format.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import { addSamples, dataEndMs, emptySeries, type SeriesPoint } from '../../../contract/series.ts';
import {
  renderChart,
  type ChartColumn,
  type ChartSeries,
  type ChartSpec,
  type ColorName,
} from '../../../contract/charts/chart.ts';
import { curveChart, heatChart } from '../../../contract/charts/latency-charts.ts';
import { layMarks, marksOfRun } from '../../../contract/run-marks.ts';
import { NOTHING, type Markup } from '../../../contract/charts/markup.ts';
import { timeLabel } from '../../../contract/charts/scale.ts';

/** Charts of what a shop that is not ours does not tell. */
const OF_OUR_PARTS: ReadonlySet<string> = new Set(['together', 'queue', 'inventory', 'kept-away']);

/** Columns that a chart has room for. */
const MAX_COLUMNS = 120;

const perSec = (count: number, { spanMs }: SeriesPoint): number => (count * 1_000) / Math.max(spanMs, 1);
/** `undefined` without an answer in the interval. */
const ifAnswered = (value: number, { accepted, rejected }: SeriesPoint): number | undefined =>
  accepted + rejected > 0 ? value : undefined;
/**
 * Of what was decided since the start, the share that never touched Postgres; `undefined` before the first
 * decision.
 */
const keptAway = ({ decidedSoFar, grantedSoFar }: SeriesPoint): number | undefined =>
  decidedSoFar > 0 ? 1 - grantedSoFar / decidedSoFar : undefined;

/** Traffic, latency, queue, inventory and what was kept from the database, on one time axis. */
export function renderRunCharts(record: RunRecord): Markup[] {
  const { audit, load } = record;
  const { points: all } = addSamples(emptySeries(record.id, MAX_COLUMNS), record.series);
  const marks = marksOfRun(record);
  const shownMs = dataEndMs(all, marks);
  const points = all.filter(({ tMs, spanMs }) => tMs - spanMs < shownMs);
  const last = points.at(-1);
  const endMs = last?.tMs ?? 0;
  const isSeconds = endMs >= 1_500;
  const columns = (describe: (point: SeriesPoint) => string): ChartColumn[] =>
    points.map((point) => {
      const startMs = point.tMs - point.spanMs;
      const when = `${timeLabel(startMs, isSeconds)} to ${timeLabel(point.tMs, isSeconds)}`;
      return { startMs, endMs: point.tMs, tooltip: `${when}: ${describe(point)}` };
    });
  const series = (
    kind: ChartSeries['kind'],
    name: string,
    color: ColorName,
    value: (point: SeriesPoint) => number | undefined,
    note: string,
    more: Pick<ChartSeries, 'initial' | 'isDashed' | 'isStepped'> = {},
  ): ChartSeries => ({ kind, name, color, values: points.map(value), note, ...more });
  const highest = (value: (point: SeriesPoint) => number) => Math.max(0, ...points.map(value));

  const moments = layMarks(marks, endMs);
  const render = (spec: ChartSpec) =>
    record.target && OF_OUR_PARTS.has(spec.id) ? NOTHING : renderChart({ ...spec, moments });
  const textOf = (id: keyof typeof CHART_TEXTS) => {
    const { title, hint } = CHART_TEXTS[id];
    return { title, caption: `${hint}.` };
  };
  const left = points.findLast(({ remaining }) => remaining !== null)?.remaining ?? audit.stock;
  const { arrivals, surge, latency: delay, queue, inventory, share: kept, together } = CHART_TEXTS;
  const answers = (outcome: 'accepted' | 'rejected' | 'unknown', color: ColorName) =>
    series(
      'bars',
      surge.lines[outcome],
      color,
      (point) => perSec(point[outcome], point),
      whole(load[outcome]),
    );
  const pace = paceFor(record.attack);
  const inSteps = { isStepped: pace === undefined };
  const sentIn20Ms = (point: SeriesPoint) => perSec(point.sent, point) / 50;
  const offeredAt = (point: SeriesPoint): number | undefined =>
    pace && perSec(pace.dueBefore(point.tMs) - pace.dueBefore(point.tMs - point.spanMs), point);
  const percentile = (key: 'p50Ms' | 'p99Ms') => (point: SeriesPoint) => ifAnswered(point[key], point);
  const peak = (key: 'queueDepth' | 'unconfirmed') => `at most ${whole(highest((point) => point[key]))}`;

  const share = (value: (point: SeriesPoint) => number | undefined, most: number) => (point: SeriesPoint) => {
    const found = value(point);
    return found === undefined || most === 0 ? undefined : found / most;
  };
  const [mostAnswers, deepest] = [highest((point) => point.rps), highest((point) => point.queueDepth)];

  return [
    render({
      id: 'arrivals',
      ...textOf('arrivals'),
      columns: columns((point) => `${whole(point.sent)} sent, at most ${whole(point.inFlight)} in flight`),
      series: [
        series(
          'area',
          arrivals.lines.sent,
          'orange',
          sentIn20Ms,
          `at most ${whole(highest(sentIn20Ms))}`,
          inSteps,
        ),
        series(
          'area',
          arrivals.lines.inFlight,
          'blue',
          (point) => point.inFlight,
          `at most ${whole(highest((point) => point.inFlight))}`,
          inSteps,
        ),
      ],
      formatY: compact,
      isWholeY: true,
    }),
    render({
      id: 'together',
      ...textOf('together'),
      columns: columns(
        (point) =>
          `${whole(point.rps)} answers/s, queue depth ${whole(point.queueDepth)}, ${point.remaining === null ? 'not known how many' : whole(point.remaining)} left`,
      ),
      series: [
        series(
          'area',
          together.lines.throughput,
          'blue',
          share((point) => point.rps, mostAnswers),
          `at most ${whole(mostAnswers)}`,
          inSteps,
        ),
        series(
          'line',
          together.lines.depth,
          'orange',
          share((point) => point.queueDepth, deepest),
          `at most ${whole(deepest)}`,
          { initial: 0, ...inSteps },
        ),
        series(
          'line',
          together.lines.left,
          'green',
          share((point) => point.remaining ?? undefined, audit.stock),
          `of ${whole(audit.stock)}`,
          { initial: 1, isDashed: true },
        ),
      ],
      formatY: percent,
    }),
    render({
      id: 'traffic',
      ...textOf('surge'),
      columns: columns(
        (point) =>
          `${whole(perSec(point.accepted, point))}/s accepted, ${whole(perSec(point.rejected, point))}/s rejected, ${whole(perSec(point.unknown, point))}/s without a clear answer${pace ? `; ${whole(offeredAt(point) ?? 0)}/s offered` : ''}`,
      ),
      series: [
        answers('accepted', 'blue'),
        answers('rejected', 'orange'),
        answers('unknown', 'red'),
        ...(pace
          ? [
              series('line', surge.lines.offered, 'grey', offeredAt, `at most ${whole(pace.peakPerSec)}/s`, {
                isDashed: true,
              }),
            ]
          : []),
      ],
      formatY: compact,
    }),
    render({
      id: 'latency',
      ...textOf('latency'),
      columns: columns(
        (point) =>
          `p50 ${milliseconds(ifAnswered(point.p50Ms, point) ?? 0)}, p99 ${milliseconds(ifAnswered(point.p99Ms, point) ?? 0)}`,
      ),
      series: [
        series('area', delay.lines.p99, 'violet', percentile('p99Ms'), latency(load.latencyMs, 'p99')),
        series('line', delay.lines.p50, 'green', percentile('p50Ms'), latency(load.latencyMs, 'p50'), {
          isDashed: true,
        }),
      ],
      formatY: (value) => `${compact(value)} ms`,
    }),
    ...curveChart(record).map((spec) => renderChart(spec)),
    ...heatChart(record).map(render),
    render({
      id: 'queue',
      ...textOf('queue'),
      columns: columns(
        (point) => `queue depth ${whole(point.queueDepth)}, ${whole(point.unconfirmed)} unconfirmed`,
      ),
      series: [
        series('area', queue.lines.depth, 'orange', (point) => point.queueDepth, peak('queueDepth'), {
          initial: 0,
          ...inSteps,
        }),
        series('line', queue.lines.unconfirmed, 'grey', (point) => point.unconfirmed, peak('unconfirmed'), {
          isDashed: true,
          initial: 0,
          ...inSteps,
        }),
      ],
      formatY: compact,
      isWholeY: true,
    }),
    render({
      id: 'inventory',
      title: inventory.title,
      caption: `${inventory.hint}. Tickets granted stop at the stock, and never pass it.`,
      columns: columns(
        (point) =>
          `${point.remaining === null ? 'not known how many are' : whole(point.remaining)} left, ${whole(point.grantedSoFar)} granted`,
      ),
      series: [
        series('area', inventory.lines.left, 'blue', (point) => point.remaining ?? undefined, whole(left), {
          initial: audit.stock,
        }),
        series('line', 'granted', 'green', (point) => point.grantedSoFar, whole(last?.grantedSoFar ?? 0), {
          initial: 0,
        }),
      ],
      formatY: compact,
      isWholeY: true,
      mark: { value: audit.stock, label: `stock: ${whole(audit.stock)}` },
    }),
    render({
      id: 'kept-away',
      ...textOf('share'),
      columns: columns((point) => {
        const found = keptAway(point);
        return found === undefined ? 'none decided yet' : `${percent(found)} never touched it`;
      }),
      series: [
        series('line', kept.lines.share, 'green', keptAway, percent(last ? (keptAway(last) ?? 0) : 0)),
      ],
      formatY: percent,
    }),
  ];
}
