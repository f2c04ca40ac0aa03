/** For each alert: metrics with which it must come, and the labels that it then has. `promtool test rules` plays them. */

interface AlertCase {
  /** Metric to values, a minute each, in promtool's short form. */
  readonly series: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** When it must be silent yet, and when it must be there. */
  readonly quietAt: string;
  readonly firesAt: string;
}

const GATEWAY = 'job="flashgrid-gateway",instance="g:1"';
const WORKER = 'job="shop-flashgrid-worker",instance="w:1",namespace="shop"';
const OF_WORKER = { job: 'shop-flashgrid-worker', instance: 'w:1', namespace: 'shop' };
const SHOP = { namespace: 'shop' };

export const ALERT_CASES: Readonly<Record<string, AlertCase>> = {
  FlashGridNoGateway: {
    series: { [`up{${GATEWAY}}`]: '1x4 0x10' },
    labels: {},
    quietAt: '4m',
    firesAt: '8m',
  },
  FlashGridNoWorker: {
    series: { [`up{${WORKER}}`]: '1x4 _x10' },
    labels: {},
    quietAt: '4m',
    firesAt: '14m',
  },
  FlashGridProcessAway: {
    series: { [`up{${WORKER}}`]: '1x4 0x10' },
    labels: OF_WORKER,
    quietAt: '6m',
    firesAt: '9m',
  },
  FlashGridBackendAway: {
    series: {
      [`flashgrid_worker_backend_up{${WORKER},backend="redis"}`]: '1x4 0x10',
      [`flashgrid_gateway_backend_up{${GATEWAY},namespace="shop",backend="redis"}`]: '1x14',
    },
    labels: { ...SHOP, backend: 'redis' },
    quietAt: '4m',
    firesAt: '8m',
  },
  FlashGridRejects: {
    series: {
      'flashgrid_gateway_accepted_total{namespace="shop"}': '0+600x20',
      'flashgrid_gateway_rejected_total{namespace="shop",reason="sold-out"}': '0+600x20',
      'flashgrid_gateway_rejected_total{namespace="shop",reason="broker-away"}': '0x8 30+30x12',
    },
    labels: SHOP,
    quietAt: '8m',
    firesAt: '14m',
  },
  FlashGridUnconfirmed: {
    series: { 'flashgrid_gateway_rejected_total{namespace="shop",reason="unconfirmed"}': '0x4 1x10' },
    labels: SHOP,
    quietAt: '4m',
    firesAt: '6m',
  },
  FlashGridConfirmsSlow: {
    series: {
      'flashgrid_gateway_confirm_seconds_bucket{namespace="shop",le="0.5"}': '0+100x8 800x20',
      'flashgrid_gateway_confirm_seconds_bucket{namespace="shop",le="1"}': '0+100x28',
      'flashgrid_gateway_confirm_seconds_bucket{namespace="shop",le="+Inf"}': '0+100x28',
    },
    labels: SHOP,
    quietAt: '8m',
    firesAt: '20m',
  },
  FlashGridQueueOld: {
    series: { [`flashgrid_worker_frame_age_seconds{${WORKER}}`]: '0.1x4 12x10' },
    labels: SHOP,
    quietAt: '5m',
    firesAt: '8m',
  },
  FlashGridQueueStands: {
    series: {
      [`flashgrid_gateway_queue_messages{${GATEWAY},namespace="shop"}`]: '0x4 50x16',
      [`flashgrid_worker_frames_total{${WORKER}}`]: '0+600x4 2400x16',
    },
    labels: SHOP,
    quietAt: '4m',
    firesAt: '12m',
  },
  FlashGridDeadLetters: {
    series: { [`flashgrid_worker_frames_dead_lettered_total{${WORKER}}`]: '0x4 1x10' },
    labels: SHOP,
    quietAt: '4m',
    firesAt: '6m',
  },
  FlashGridSaleRebuilt: {
    series: { [`flashgrid_worker_rebuilds_total{${WORKER}}`]: '0x4 1x10' },
    labels: SHOP,
    quietAt: '4m',
    firesAt: '6m',
  },
  FlashGridEventLoopLate: {
    series: { [`nodejs_eventloop_lag_p99_seconds{${WORKER}}`]: '0.01x4 0.4x16' },
    labels: { job: OF_WORKER.job, instance: OF_WORKER.instance },
    quietAt: '8m',
    firesAt: '12m',
  },
  FlashGridRestarts: {
    series: { [`process_start_time_seconds{${WORKER}}`]: '100x4 500 600 700 800x4' },
    labels: OF_WORKER,
    quietAt: '6m',
    firesAt: '8m',
  },
};
