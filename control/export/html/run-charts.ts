/** The five charts of a run. */
import { CHART_TEXTS } from '../../../contract/chart-text.ts';
import { latency, milliseconds, percent, whole, compact } from '../../../contract/format.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import { addSamples, emptySeries, type SeriesPoint } from '../../../contract/series.ts';
import { renderChart, type ChartColumn, type ChartSpec } from './chart.ts';
import { layMarks, marksOfRun } from '../../../contract/run-marks.ts';
import type { Markup } from './markup.ts';
import { timeLabel } from './scale.ts';

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
  const { points } = addSamples(emptySeries(record.id, MAX_COLUMNS), record.series);
  const last = points.at(-1);
  const endMs = last?.tMs ?? 0;
  const isSeconds = endMs >= 1_500;
  const columns = (describe: (point: SeriesPoint) => string): ChartColumn[] =>
    points.map((point) => {
      const startMs = point.tMs - point.spanMs;
      const when = `${timeLabel(startMs, isSeconds)} to ${timeLabel(point.tMs, isSeconds)}`;
      return { startMs, endMs: point.tMs, tooltip: `${when}: ${describe(point)}` };
    });
  const pick = (value: (point: SeriesPoint) => number | undefined) => points.map(value);
  const highest = (value: (point: SeriesPoint) => number) => Math.max(0, ...points.map(value));

  const moments = layMarks(marksOfRun(record), endMs);
  const render = (spec: ChartSpec) => renderChart({ ...spec, moments });

  return [
    render({
      id: 'traffic',
      title: CHART_TEXTS.surge.title,
      caption: `${CHART_TEXTS.surge.hint}.`,
      columns: columns(
        (point) =>
          `${whole(perSec(point.accepted, point))}/s accepted, ${whole(perSec(point.rejected, point))}/s rejected, ${whole(perSec(point.unknown, point))}/s without a clear answer`,
      ),
      series: [
        {
          name: CHART_TEXTS.surge.lines.accepted,
          color: 'blue',
          kind: 'bars',
          values: pick((point) => perSec(point.accepted, point)),
          note: whole(load.accepted),
        },
        {
          name: CHART_TEXTS.surge.lines.rejected,
          color: 'orange',
          kind: 'bars',
          values: pick((point) => perSec(point.rejected, point)),
          note: whole(load.rejected),
        },
        {
          name: CHART_TEXTS.surge.lines.unknown,
          color: 'red',
          kind: 'bars',
          values: pick((point) => perSec(point.unknown, point)),
          note: whole(load.unknown),
        },
      ],
      formatY: compact,
    }),
    render({
      id: 'latency',
      title: CHART_TEXTS.latency.title,
      caption: `${CHART_TEXTS.latency.hint}.`,
      columns: columns(
        (point) =>
          `p50 ${milliseconds(ifAnswered(point.p50Ms, point) ?? 0)}, p99 ${milliseconds(ifAnswered(point.p99Ms, point) ?? 0)}`,
      ),
      series: [
        {
          name: CHART_TEXTS.latency.lines.p99,
          color: 'violet',
          kind: 'area',
          values: pick((point) => ifAnswered(point.p99Ms, point)),
          note: latency(load.latencyMs, 'p99'),
        },
        {
          name: CHART_TEXTS.latency.lines.p50,
          color: 'green',
          kind: 'line',
          isDashed: true,
          values: pick((point) => ifAnswered(point.p50Ms, point)),
          note: latency(load.latencyMs, 'p50'),
        },
      ],
      formatY: (value) => `${compact(value)} ms`,
    }),
    render({
      id: 'queue',
      title: CHART_TEXTS.queue.title,
      caption: `${CHART_TEXTS.queue.hint}.`,
      columns: columns(
        (point) => `queue depth ${whole(point.queueDepth)}, ${whole(point.unconfirmed)} unconfirmed`,
      ),
      series: [
        {
          name: CHART_TEXTS.queue.lines.depth,
          color: 'orange',
          kind: 'area',
          initial: 0,
          values: pick((point) => point.queueDepth),
          note: `at most ${whole(highest((point) => point.queueDepth))}`,
        },
        {
          name: CHART_TEXTS.queue.lines.unconfirmed,
          color: 'grey',
          kind: 'line',
          isDashed: true,
          initial: 0,
          values: pick((point) => point.unconfirmed),
          note: `at most ${whole(highest((point) => point.unconfirmed))}`,
        },
      ],
      formatY: compact,
      isWholeY: true,
    }),
    render({
      id: 'inventory',
      title: CHART_TEXTS.inventory.title,
      caption: `${CHART_TEXTS.inventory.hint}. Tickets granted stop at the stock, and never pass it.`,
      columns: columns(
        (point) =>
          `${point.remaining === null ? 'not known how many are' : whole(point.remaining)} left, ${whole(point.grantedSoFar)} granted`,
      ),
      series: [
        {
          name: CHART_TEXTS.inventory.lines.left,
          color: 'blue',
          kind: 'area',
          initial: audit.stock,
          values: pick((point) => point.remaining ?? undefined),
          note: whole(points.findLast(({ remaining }) => remaining !== null)?.remaining ?? audit.stock),
        },
        {
          name: 'granted',
          color: 'green',
          kind: 'line',
          initial: 0,
          values: pick((point) => point.grantedSoFar),
          note: whole(last?.grantedSoFar ?? 0),
        },
      ],
      formatY: compact,
      isWholeY: true,
      mark: { value: audit.stock, label: `stock: ${whole(audit.stock)}` },
    }),
    render({
      id: 'kept-away',
      title: CHART_TEXTS.share.title,
      caption: `${CHART_TEXTS.share.hint}.`,
      columns: columns((point) => {
        const share = keptAway(point);
        return share === undefined ? 'none decided yet' : `${percent(share)} never touched it`;
      }),
      series: [
        {
          name: CHART_TEXTS.share.lines.share,
          color: 'green',
          kind: 'line',
          values: pick(keptAway),
          note: percent(last ? (keptAway(last) ?? 0) : 0),
        },
      ],
      formatY: percent,
    }),
  ];
}
