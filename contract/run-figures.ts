/** Figures of a run that are not in its record as they stand, for every export. */
import { quoted, settingsAsOptions } from './attack-options.ts';
import { attackSettingsSchema, stagesOf } from './attack-settings.ts';
import { sendingText } from './attack-text.ts';
import { figure, milliseconds, percent, plural, whole } from './format.ts';
import { paceOf, stageText, type Stage } from './load-stages.ts';
import { causeRows } from './run-notes.ts';
import type { LatencyDetail, MachineHealth, RunRecord } from './run-record.ts';
import { addSamples, emptySeries } from './series.ts';

type Rows = readonly (readonly [label: string, value: string])[];

const OUTCOMES: Readonly<Record<LatencyDetail['outcome'], string>> = {
  answered: 'accepted or rejected',
  accepted: 'accepted',
  rejected: 'rejected by the gateway',
  unknown: 'no clear answer',
};
export const STARTS: Readonly<Record<LatencyDetail['from'], string>> = {
  intended: 'intended',
  sent: 'actual',
};
const PERCENTS = [50, 75, 90, 95, 99, 99.9, 99.99] as const;

/** Latencies by outcome, from the intended and from the actual send time; the heading first. No row in records that have none. */
export function latencyRows({ load, target }: RunRecord): readonly (readonly string[])[] {
  const { latencies = [] } = load;
  if (latencies.length === 0) return [];
  return [
    ['outcome', 'send time', 'answers', ...PERCENTS.map((one) => `p${one}`), 'slowest', 'mean'],
    ...latencies.map(({ outcome, from, count, meanMs, percentiles }) => {
      const at = (wanted: number) => percentiles.find(([one]) => one === wanted)?.[1] ?? 0;
      return [
        target && outcome === 'rejected' ? 'rejected' : OUTCOMES[outcome],
        STARTS[from],
        whole(count),
        ...[...PERCENTS, 100].map((one) => milliseconds(at(one))),
        milliseconds(meanMs),
      ];
    }),
  ];
}

/** A percentile of all answers, from the send time that the run's latency counts from; records of earlier versions have none. */
export function answeredPercentile({ attack, load }: RunRecord, percent: number): number | undefined {
  const start = attack.profile === 'burst' ? 'sent' : 'intended';
  return load.latencies
    ?.find(({ outcome, from }) => outcome === 'answered' && from === start)
    ?.percentiles.find(([one]) => one === percent)?.[1];
}

/** How many answers took how long, over the whole run: the classes that hold any, and those between. */
export function latencyClasses({
  latencyHeat,
}: RunRecord): { readonly label: string; readonly count: number }[] {
  if (!latencyHeat) return [];
  const { edgesMs, columns } = latencyHeat;
  const classes = [...edgesMs, undefined].map((toMs, row) => ({
    label:
      toMs === undefined
        ? `over ${milliseconds(edgesMs.at(-1) ?? 0)}`
        : row === 0
          ? `up to ${milliseconds(toMs)}`
          : `${milliseconds(edgesMs[row - 1] ?? 0)} to ${milliseconds(toMs)}`,
    count: columns.reduce((sum, { counts }) => sum + (counts[row] ?? 0), 0),
  }));
  const first = classes.findIndex(({ count }) => count > 0);
  const last = classes.findLastIndex(({ count }) => count > 0);
  return first === -1 ? [] : classes.slice(first, last + 1);
}

/** What was asked of the load generator, and what left it. */
export function sendingRows({ attack, load, series }: RunRecord): Rows {
  const { sending } = load;
  const asked = sendingText(attack);
  if (sending === undefined) return [['Asked for', asked]];
  const perSec = sending.lastMs > 0 ? ((load.sent - 1) * 1_000) / sending.lastMs : undefined;
  return [
    ['Asked for', asked],
    ...(perSec === undefined ? [] : [['Rate sent', `${figure(perSec)} requests/s`] as const]),
    ['First request of every connection within', milliseconds(sending.firstWaveMs)],
    ['Last request left after', milliseconds(sending.lastMs)],
    ...(attack.profile === 'staged' ? stageRows(stagesOf(attack), series) : []),
  ];
}

/** What was offered in each stage, and what left. */
function stageRows(stages: readonly Stage[], series: RunRecord['series']): Rows {
  const { points } = addSamples(emptySeries('', series.length), series);
  const { dueBefore } = paceOf(stages);
  let endMs = 0;
  return stages.map((stage, at) => {
    const startMs = endMs;
    endMs += stage.lengthMs;
    // A point across the border of two stages counts for each by its time.
    const sent = points.reduce((sum, { tMs, spanMs, sent: all }) => {
      const overlapMs = Math.min(tMs, endMs) - Math.max(tMs - spanMs, startMs);
      return overlapMs > 0 ? sum + (all * overlapMs) / spanMs : sum;
    }, 0);
    const rate = (count: number) => `${figure(Math.round((count * 1_000) / stage.lengthMs))}/s`;
    return [
      `Stage ${at + 1}, ${stageText(stage)}`,
      `${rate(dueBefore(endMs) - dueBefore(startMs))} offered, ${rate(sent)} sent`,
    ];
  });
}

/** Causes of a lost request that are the connection's, and what happened to it. */
const SOCKETS: readonly (readonly [what: string, causes: readonly string[]])[] = [
  ['Connections refused', ['ECONNREFUSED']],
  ['Connections reset or broken', ['ECONNRESET', 'EPIPE']],
  ['Connections closed under a request', ['closed']],
  ['Connections not opened by this machine', ['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS']],
];

/** How the load generators and their machine did. */
export function healthRows({ load, incidents = [] }: RunRecord): Rows {
  const { generator, causes = {} } = load;
  const { machine } = generator;
  const each = generator.each ?? [generator];
  const stood = incidents.filter(({ kind, part }) => kind === 'paused' && part === 'machine');
  return [
    ...each.flatMap((one, at) => {
      const name = each.length > 1 ? `Process ${at + 1}: ` : '';
      return [
        [`${name}CPU`, percent(one.cpuShare)],
        [
          `${name}event loop late`,
          `p99 ${milliseconds(one.eventLoopLagP99Ms)}, most ${milliseconds(one.eventLoopLagMaxMs)}`,
        ],
      ] as const;
    }),
    ...SOCKETS.map(
      ([what, kinds]) => [what, whole(kinds.reduce((sum, kind) => sum + (causes[kind] ?? 0), 0))] as const,
    ),
    ...(machine
      ? ([
          [
            'Cores busy (in the busiest half second)',
            machine.cores.map(({ busy, most }) => `${percent(busy)} (${percent(most)})`).join(', '),
          ],
          [
            'Time stolen by the hypervisor',
            machine.stealShare === undefined ? 'not known' : percent(machine.stealShare),
          ],
          ['Other programs', otherText(machine)],
        ] as const)
      : []),
    [
      'Machine stood still',
      stood.length === 0 ? 'no' : milliseconds(stood.reduce((sum, { lengthMs = 0 }) => sum + lengthMs, 0)),
    ],
  ];
}

function otherText({ otherCores, others = [] }: MachineHealth): string {
  if (otherCores === undefined) return 'not known';
  const most = others.map(({ name, cores }) => `${name} ${figure(cores)}`).join(', ');
  return `${figure(otherCores)} cores${most === '' ? '' : `: ${most}`}`;
}

export const causeFacts = ({ load }: RunRecord): Rows =>
  causeRows(load.causes).map(([text, count]) => [
    text.replace(/^./, (first) => first.toUpperCase()),
    whole(count),
  ]);

/** Of an attack on several sales: how many were judged, and the worst one. */
export function severalSalesRows({ audit: { sales } }: RunRecord): Rows {
  if (!sales) return [];
  const { count, broken, unasked, worst } = sales;
  const none = unasked === 0 ? '' : `; of ${whole(unasked)} there was nothing to judge`;
  return [
    ['Sales', `${whole(count)}, each judged by itself${none}`],
    ['Sales that broke a promise', whole(broken)],
    [
      'Worst sale',
      `${worst.id}: ${plural(worst.requests, 'request')}, ${whole(worst.sold)} of ${whole(worst.stock)} sold, ${whole(worst.oversold)} oversold, ${whole(worst.undersold)} undersold, ${whole(worst.lost)} lost, ${whole(worst.duplicated)} duplicated${worst.failed.length === 0 ? '' : `; failed: ${worst.failed.join(', ')}`}`,
    ],
  ];
}

/** When the sale was sold out, and what never reached Postgres. */
export function saleRows({ id, audit, load, series, target }: RunRecord): Rows {
  // Samples of another shop have no stock, and no Postgres of ours.
  if (target) return [];
  const { soldOutAtMs } = addSamples(emptySeries(id), series).totals;
  const decided = audit.granted + audit.refused + load.rejected;
  const kept = audit.refused + load.rejected;
  return [
    ['Sold out after', soldOutAtMs === undefined ? 'not sold out' : milliseconds(soldOutAtMs)],
    [
      'Kept away from Postgres',
      decided === 0
        ? 'nothing was decided'
        : `${whole(kept)} of ${whole(decided)} (${percent(kept / decided)})`,
    ],
  ];
}

/** The command that runs the attack again on a cluster of the same size; a chaos stands in it as its faults. */
export function repeatCommand({ attack, environment, target }: RunRecord): string {
  // Stock and limit are the adapter's.
  if (target) {
    const { stock, perBuyerLimit } = attackSettingsSchema.parse({ profile: 'burst' });
    return `flashgrid attack --target ${quoted(target.file)} ${settingsAsOptions({ ...attack, stock, perBuyerLimit })}`.trim();
  }
  const { provider, gateways, workers, highlyAvailable = false } = environment;
  return `flashgrid demo --provider ${provider}${highlyAvailable ? ' --ha' : ''} --gateways ${gateways} --workers ${workers} ${settingsAsOptions(attack)}`.trim();
}
