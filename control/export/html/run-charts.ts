/** The five charts of a run. */
import { latency, milliseconds, percent, whole } from '../../../contract/format.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import { bucketSamples, type Bucket } from './buckets.ts';
import { renderChart, type ChartColumn, type ChartSpec } from './chart.ts';
import { layMarks, marksOfRun } from '../../../contract/run-marks.ts';
import type { Markup } from './markup.ts';
import { compact, timeLabel } from './scale.ts';

/** Traffic, latency, queue, inventory and what was kept from the database, on one time axis. */
export function renderRunCharts(record: RunRecord): Markup[] {
  const { series, audit, load } = record;
  const buckets = bucketSamples(series);
  const isSeconds = (buckets.at(-1)?.endMs ?? 0) >= 1_500;
  const columns = (tell: (bucket: Bucket) => string): ChartColumn[] =>
    buckets.map((bucket) => ({
      startMs: bucket.startMs,
      endMs: bucket.endMs,
      tooltip: `${timeLabel(bucket.startMs, isSeconds)} to ${timeLabel(bucket.endMs, isSeconds)}: ${tell(bucket)}`,
    }));
  const pick = (value: (bucket: Bucket) => number | undefined) => buckets.map(value);
  const highest = (value: (bucket: Bucket) => number | undefined) =>
    Math.max(0, ...buckets.map((bucket) => value(bucket) ?? 0));

  const moments = layMarks(marksOfRun(record), buckets.at(-1)?.endMs ?? 0);
  const render = (spec: ChartSpec) => renderChart({ ...spec, moments });

  return [
    render({
      id: 'traffic',
      title: 'Traffic',
      caption: 'Answers a second, by what the buyer was told.',
      columns: columns(
        (bucket) =>
          `${whole(bucket.acceptedPerSec)}/s accepted, ${whole(bucket.refusedPerSec)}/s rejected, ${whole(bucket.unknownPerSec)}/s without a clear answer`,
      ),
      series: [
        {
          name: 'accepted (202)',
          color: 'blue',
          kind: 'bars',
          values: pick((bucket) => bucket.acceptedPerSec),
          note: whole(load.accepted),
        },
        {
          name: 'rejected by the gateway',
          color: 'orange',
          kind: 'bars',
          values: pick((bucket) => bucket.refusedPerSec),
          note: whole(load.rejected),
        },
        {
          name: 'no clear answer',
          color: 'red',
          kind: 'bars',
          values: pick((bucket) => bucket.unknownPerSec),
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
        (bucket) => `p50 ${milliseconds(bucket.p50Ms ?? 0)}, p99 ${milliseconds(bucket.p99Ms ?? 0)}`,
      ),
      series: [
        {
          name: 'p99',
          color: 'violet',
          kind: 'area',
          values: pick((bucket) => bucket.p99Ms),
          note: latency(load.latencyMs, 'p99'),
        },
        {
          name: 'p50',
          color: 'green',
          kind: 'line',
          isDashed: true,
          values: pick((bucket) => bucket.p50Ms),
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
        (bucket) => `queue depth ${whole(bucket.queueDepth)}, ${whole(bucket.unconfirmed)} unconfirmed`,
      ),
      series: [
        {
          name: 'queue depth',
          color: 'orange',
          kind: 'area',
          initial: 0,
          values: pick((bucket) => bucket.queueDepth),
          note: `at most ${whole(highest((bucket) => bucket.queueDepth))}`,
        },
        {
          name: 'unconfirmed',
          color: 'grey',
          kind: 'line',
          isDashed: true,
          initial: 0,
          values: pick((bucket) => bucket.unconfirmed),
          note: `at most ${whole(highest((bucket) => bucket.unconfirmed))}`,
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
        (bucket) =>
          `${bucket.remaining === undefined ? 'not known how many are' : whole(bucket.remaining)} left, ${whole(bucket.grantedSoFar)} granted`,
      ),
      series: [
        {
          name: 'left',
          color: 'blue',
          kind: 'area',
          initial: audit.stock,
          values: pick((bucket) => bucket.remaining),
          note: whole(buckets.findLast(({ remaining }) => remaining !== undefined)?.remaining ?? audit.stock),
        },
        {
          name: 'granted',
          color: 'green',
          kind: 'line',
          initial: 0,
          values: pick((bucket) => bucket.grantedSoFar),
          note: whole(buckets.at(-1)?.grantedSoFar ?? 0),
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
      columns: columns((bucket) =>
        bucket.keptAwayShare === undefined
          ? 'none decided yet'
          : `${percent(bucket.keptAwayShare)} never touched it`,
      ),
      series: [
        {
          name: 'never touched it',
          color: 'green',
          kind: 'line',
          values: pick((bucket) => bucket.keptAwayShare),
          note: percent(buckets.at(-1)?.keptAwayShare ?? 0),
        },
      ],
      formatY: percent,
    }),
  ];
}
