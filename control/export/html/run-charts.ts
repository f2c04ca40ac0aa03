/** The five charts of a run. */
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
      title: 'Traffic',
      caption: 'Answers a second, by what the buyer was told.',
      columns: columns(
        (point) =>
          `${whole(perSec(point.accepted, point))}/s accepted, ${whole(perSec(point.rejected, point))}/s rejected, ${whole(perSec(point.unknown, point))}/s without a clear answer`,
      ),
      series: [
        {
          name: 'accepted (202)',
          color: 'blue',
          kind: 'bars',
          values: pick((point) => perSec(point.accepted, point)),
          note: whole(load.accepted),
        },
        {
          name: 'rejected by the gateway',
          color: 'orange',
          kind: 'bars',
          values: pick((point) => perSec(point.rejected, point)),
          note: whole(load.rejected),
        },
        {
          name: 'no clear answer',
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
      title: 'Latency',
      caption:
        'How long a buyer waited for an answer: half of them less than p50, one in a hundred more than p99.',
      columns: columns(
        (point) =>
          `p50 ${milliseconds(ifAnswered(point.p50Ms, point) ?? 0)}, p99 ${milliseconds(ifAnswered(point.p99Ms, point) ?? 0)}`,
      ),
      series: [
        {
          name: 'p99',
          color: 'violet',
          kind: 'area',
          values: pick((point) => ifAnswered(point.p99Ms, point)),
          note: latency(load.latencyMs, 'p99'),
        },
        {
          name: 'p50',
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
      title: 'Queue',
      caption:
        'Reservations that wait, at the most: for a decision (queue depth), and in the gateway for RabbitMQ to confirm them.',
      columns: columns(
        (point) => `queue depth ${whole(point.queueDepth)}, ${whole(point.unconfirmed)} unconfirmed`,
      ),
      series: [
        {
          name: 'queue depth',
          color: 'orange',
          kind: 'area',
          initial: 0,
          values: pick((point) => point.queueDepth),
          note: `at most ${whole(highest((point) => point.queueDepth))}`,
        },
        {
          name: 'unconfirmed',
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
      title: 'Inventory',
      caption: 'Tickets left fall to zero; tickets granted stop at the stock, and never pass it.',
      columns: columns(
        (point) =>
          `${point.remaining === null ? 'not known how many are' : whole(point.remaining)} left, ${whole(point.grantedSoFar)} granted`,
      ),
      series: [
        {
          name: 'left',
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
      title: 'Kept away from Postgres',
      caption: 'Share of decided requests that never touched the database.',
      columns: columns((point) => {
        const share = keptAway(point);
        return share === undefined ? 'none decided yet' : `${percent(share)} never touched it`;
      }),
      series: [
        {
          name: 'never touched it',
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
