/** The Grafana dashboard: `npm run docs` makes charts/flashgrid/files/dashboard.json and the table in docs/observability.md from it. */

/** A unit by Grafana's name for it. */
type Unit = 'short' | 'reqps' | 'ops' | 's' | 'bytes' | 'percentunit';

export interface Panel {
  readonly title: string;
  readonly help: string;
  readonly unit: Unit;
  /** Legend to query. */
  readonly queries: Readonly<Record<string, string>>;
}

const GATEWAY = '{job=~"$gateway"}';
const WORKER = '{job=~"$worker"}';
const BOTH = '{job=~"$gateway|$worker"}';

const rate = (metric: string, labels: string, by = ''): string =>
  `sum${by}(rate(${metric}${labels}[$__rate_interval]))`;
const gatewayRate = (name: string, by?: string) => rate(`flashgrid_gateway_${name}`, GATEWAY, by);
const workerRate = (name: string, by?: string) => rate(`flashgrid_worker_${name}`, WORKER, by);
const confirmWithin = (share: number) =>
  `histogram_quantile(${share}, ${gatewayRate('confirm_seconds_bucket', ' by (le)')})`;

/** The panels, a list for each row. */
export const PANELS: Readonly<Record<string, readonly Panel[]>> = {
  Reservations: [
    {
      title: 'Accepted, decided, granted',
      help: 'Accepted: answered 202. Where decided stays below it, the queue grows.',
      unit: 'reqps',
      queries: {
        accepted: gatewayRate('accepted_total'),
        decided: workerRate('reservations_decided_total'),
        granted: workerRate('reservations_granted_total'),
      },
    },
    {
      title: 'Rejected, by reason',
      help: 'What the gateways answered with 4xx or 503. Only `unconfirmed` leaves open whether it was queued.',
      unit: 'reqps',
      queries: { '{{reason}}': gatewayRate('rejected_total', ' by (reason)') },
    },
  ],
  Queue: [
    {
      title: 'Messages in the queue and in hand',
      help: 'What waits, as RabbitMQ counts it, and what workers have in hand. A message has 1 to 512 reservations, of one sale or many.',
      unit: 'short',
      queries: {
        waiting: `max(flashgrid_gateway_queue_messages${GATEWAY})`,
        'in hand': `sum(flashgrid_worker_frames_in_hand${WORKER})`,
      },
    },
    {
      title: 'Wait in the queue',
      help: 'How long the frame that came last had waited. What a buyer waits for the outcome, but for milliseconds.',
      unit: 's',
      queries: { '{{instance}}': `flashgrid_worker_frame_age_seconds${WORKER}` },
    },
    {
      title: 'Time to the confirm',
      help: 'From closing a message to RabbitMQ’s confirm: the largest part of the time to a 202.',
      unit: 's',
      queries: { p50: confirmWithin(0.5), p99: confirmWithin(0.99) },
    },
    {
      title: 'Reservations in a message',
      help: 'Grows with the load. Large messages cost little for each reservation.',
      unit: 'short',
      queries: {
        mean: `${gatewayRate('frame_reservations_sum')} / ${gatewayRate('frame_reservations_count')}`,
      },
    },
  ],
  Gateways: [
    {
      title: 'Messages, by how they ended',
      help: 'All but `confirmed` were answered 503; after `lost` and `timeout` RabbitMQ may have them.',
      unit: 'ops',
      queries: { '{{end}}': gatewayRate('frames_total', ' by (end)') },
    },
    {
      title: 'Unconfirmed reservations, live clients',
      help: 'Past FLASHGRID_MAX_UNCONFIRMED and FLASHGRID_MAX_LIVE_CLIENTS a gateway takes no more.',
      unit: 'short',
      queries: {
        'unconfirmed {{instance}}': `flashgrid_gateway_unconfirmed${GATEWAY}`,
        'live {{instance}}': `flashgrid_gateway_live_clients${GATEWAY}`,
      },
    },
  ],
  Workers: [
    {
      title: 'Tickets committed, frames finished',
      help: 'Frames without a grant never touch Postgres.',
      unit: 'ops',
      queries: {
        tickets: workerRate('tickets_committed_total'),
        frames: workerRate('frames_total'),
        'frames to Postgres': workerRate('frames_to_postgres_total'),
      },
    },
    {
      title: 'What went wrong and was mended',
      help: 'Dead letters need a person. Everything else ends by itself; a rebuild says that Redis lost or took back a sale.',
      unit: 'ops',
      queries: {
        'dead letters': workerRate('frames_dead_lettered_total'),
        'given back': workerRate('frames_requeued_total'),
        repeated: workerRate('frames_repeated_total'),
        rebuilds: workerRate('rebuilds_total'),
        retries: workerRate('retries_total'),
      },
    },
    {
      title: 'Rare paths',
      help: 'What happens only when something went wrong, came twice or came late: docs/rare-paths.md explains each.',
      unit: 'ops',
      queries: {
        '{{path}}': `${gatewayRate('rare_paths_total', ' by (path)')} or ${workerRate('rare_paths_total', ' by (path)')}`,
      },
    },
  ],
  'Backends and processes': [
    {
      title: 'Backends that serve',
      help: '1: every gateway and worker proves by a real operation that the backend stores. Below: some can not.',
      unit: 'percentunit',
      queries: {
        '{{backend}}, gateways': `avg by (backend) (flashgrid_gateway_backend_up${GATEWAY})`,
        '{{backend}}, workers': `avg by (backend) (flashgrid_worker_backend_up${WORKER})`,
      },
    },
    {
      title: 'Processes that answer',
      help: 'Gateways and workers whose metrics Prometheus could read.',
      unit: 'short',
      queries: {
        gateways: `sum(up${GATEWAY})`,
        workers: `sum(up${WORKER})`,
      },
    },
    {
      title: 'CPU',
      help: 'Cores. Each of these processes uses one for its own code.',
      unit: 'short',
      queries: { '{{job}} {{instance}}': `rate(process_cpu_seconds_total${BOTH}[$__rate_interval])` },
    },
    {
      title: 'Event loop late, p99',
      help: 'Above 0.1 s the process is the limit, or its machine is.',
      unit: 's',
      queries: { '{{job}} {{instance}}': `nodejs_eventloop_lag_p99_seconds${BOTH}` },
    },
    {
      title: 'Memory',
      help: 'Resident. It should not grow while the load is steady.',
      unit: 'bytes',
      queries: { '{{job}} {{instance}}': `process_resident_memory_bytes${BOTH}` },
    },
  ],
};

const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };
const [WIDTH, HEIGHT, COLUMNS] = [8, 8, 24];

/** A variable whose values are the scrape jobs that a metric comes from. */
const jobs = (name: string, metric: string) => ({
  name,
  label: `${name} job`,
  type: 'query',
  datasource: DATASOURCE,
  query: { query: `label_values(${metric}, job)`, refId: name },
  refresh: 2,
  includeAll: true,
  multi: true,
  allValue: '.+',
  current: { text: 'All', value: '$__all' },
});

/** The dashboard as Grafana imports it. */
export function dashboard(): object {
  const panels: object[] = [];
  let y = 0;
  for (const [row, members] of Object.entries(PANELS)) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title: row,
      gridPos: { x: 0, y: y++, w: COLUMNS, h: 1 },
    });
    for (const [at, { title, help, unit, queries }] of members.entries()) {
      const x = (at * WIDTH) % COLUMNS;
      if (at > 0 && x === 0) y += HEIGHT;
      panels.push({
        id: panels.length + 1,
        type: 'timeseries',
        title,
        description: help,
        datasource: DATASOURCE,
        gridPos: { x, y, w: WIDTH, h: HEIGHT },
        fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
        options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi' } },
        targets: Object.entries(queries).map(([legend, expr], index) => ({
          refId: String.fromCharCode(65 + index),
          datasource: DATASOURCE,
          expr,
          legendFormat: legend,
        })),
      });
    }
    y += HEIGHT;
  }
  return {
    uid: 'flashgrid',
    title: 'FlashGrid',
    tags: ['flashgrid'],
    schemaVersion: 39,
    editable: true,
    refresh: '10s',
    time: { from: 'now-30m', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus' },
        jobs('gateway', 'flashgrid_gateway_accepted_total'),
        jobs('worker', 'flashgrid_worker_frames_total'),
      ],
    },
    panels,
  };
}
