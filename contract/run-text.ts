/** Texts about a run, for every export. */
import {
  ATTACK_SETTINGS,
  PROFILE_LABELS,
  saleIdOf,
  totalRequests,
  totalStock,
  type AttackField,
  type AttackSettings,
} from './attack-settings.ts';
import { crowdText, saleStockText, settingText } from './attack-text.ts';
import { settingsAsOptions } from './attack-options.ts';
import { faultsTitle, outcomeTitle } from './fault-syntax.ts';
import {
  answeredPercentile,
  causeFacts,
  healthRows,
  repeatCommand,
  saleRows,
  severalSalesRows,
  sendingRows,
} from './run-figures.ts';
import { coverageRows } from './coverage.ts';
import type { RunSummary } from './state.ts';
import { byteSize, latency, milliseconds, percent, whole } from './format.ts';
import { momentOf, withheldOf } from './run-notes.ts';
import type { RunRecord } from './run-record.ts';
import { queueWorth } from './queue-worth.ts';
import { describeVerdict, verdictShown } from './verdict-text.ts';

/** `10,000 buyers, 20 tickets`. */
export const crowdAndStock = (attack: AttackSettings): string =>
  `${crowdText(attack)}, ${saleStockText(attack)}`;

/** `10,000 buyers, 20 tickets, workers killed`: the title of the run and of its sale. */
export function titleOf(attack: AttackSettings): string {
  const broken = faultsTitle(attack.faults ?? '');
  const planted = attack.plant === undefined ? [] : [`planted ${attack.plant}`];
  return [crowdAndStock(attack), ...(broken === undefined ? [] : [broken]), ...planted].join(', ');
}

/** The verdict in one word. */
export function verdictWord({
  verdict,
  exitCode,
  end,
  attack,
}: Pick<RunRecord, 'verdict' | 'exitCode' | 'end' | 'attack'>): string {
  if (end === 'cancelled') return 'CANCELLED';
  if (end === 'failed') return 'NOT FINISHED';
  if (verdict === 'pass') return 'PASS';
  if (verdict === 'invalid') return exitCode === 6 ? 'UNDECIDED' : 'INVALID';
  if (exitCode === 4) return 'THRESHOLD MISSED';
  return attack.plant === undefined ? 'FAIL' : 'FAIL (PLANTED)';
}

/** The verdict in a few sentences. */
export function headlineOf(record: RunRecord): string {
  const { headline, detail } = describeVerdict(record);
  return [headline, detail, queueWorth(record) ?? []].flat().join(' ');
}

/** The summary of a run for lists. */
export function summaryOf(record: RunRecord): RunSummary {
  const { attack, load, audit } = record;
  const p95Ms = answeredPercentile(record, 95);
  return {
    id: record.id,
    startedAt: record.startedAt,
    title: titleOf(attack),
    verdict: record.verdict,
    ...(record.end === undefined ? {} : { end: record.end }),
    exitCode: record.exitCode,
    ...(record.group === undefined ? {} : { group: record.group }),
    ...(record.labels === undefined ? {} : { labels: record.labels }),
    saleId: record.saleId,
    settings: settingsAsOptions(attack),
    provider: record.environment.provider,
    requests: totalRequests(attack),
    connections: attack.connections,
    stock: totalStock(attack),
    sold: audit.sold,
    ...(withheldOf(record).length === 0 ? {} : { isSpeedWithheld: true }),
    rps: load.rps,
    p50Ms: load.latencyMs.p50,
    ...(p95Ms === undefined ? {} : { p95Ms }),
    p99Ms: load.latencyMs.p99,
  };
}

type Figures = readonly (readonly [name: string, value: string])[];

/** How often a promise was broken: every one must be 0. */
export function promiseCounts({ audit }: RunRecord): readonly (readonly [name: string, count: number])[] {
  return [
    ['oversold', audit.oversold],
    ['lost', audit.lost],
    ['duplicated', audit.duplicated],
    ['left undecided', audit.pending],
  ];
}

/** What a reader wants first. */
export function keyFigures(record: RunRecord): Figures {
  const { load, audit, target } = record;
  return [
    ...(withheldOf(record).length === 0 ? [] : [['speed verdict', 'withheld'] as const]),
    ['requests sent', whole(load.sent)],
    ['answers/s', whole(load.rps)],
    ['p50 latency', latency(load.latencyMs, 'p50')],
    ['p99 latency', latency(load.latencyMs, 'p99')],
    ['without a clear answer', whole(load.unknown)],
    [target ? 'settled in' : 'queue drained in', audit.checks.length > 0 ? milliseconds(audit.drainMs) : '–'],
  ];
}

export interface FactGroup {
  readonly title: string;
  readonly facts: Figures;
  /** Its values are long: it needs a row of its own. */
  readonly isWide?: true;
}

/** The rest of a record (without verdict, checks and series) as tables, for window and report. */
export function factGroups(record: RunRecord): readonly FactGroup[] {
  const { audit, load, attack, environment } = record;
  const { generator, latencyMs } = load;
  return [
    {
      title: 'Audit',
      facts: [
        ['Stock', whole(audit.stock)],
        ['Sold', whole(audit.sold)],
        ['Granted', whole(audit.granted)],
        [record.target ? 'Refused later' : 'Refused by the worker', whole(audit.refused)],
        ['Undecided', whole(audit.pending)],
        ['Lost', whole(audit.lost)],
        ['Duplicated', whole(audit.duplicated)],
        ['Oversold', whole(audit.oversold)],
        ['Undersold', whole(audit.undersold)],
        ['Looked up by the audit', whole(audit.unknownResolved)],
        ...(audit.isSaleClosed === undefined
          ? []
          : [['Sale closed at the end', audit.isSaleClosed ? 'yes' : 'no'] as const]),
        ...(record.target ? [] : [['Queue empty after', milliseconds(audit.drainMs)] as const]),
        ...severalSalesRows(record),
        ...saleRows(record),
        ['Exit code', String(record.exitCode)],
        ...(record.evidenceRoot === undefined ? [] : [['Evidence root', record.evidenceRoot] as const]),
      ],
    },
    {
      title: 'Load',
      facts: [
        ['Sent', whole(load.sent)],
        [record.target ? 'Accepted' : 'Accepted (202)', whole(load.accepted)],
        [record.target ? 'Rejected' : 'Rejected by the gateway', whole(load.rejected)],
        ['No clear answer', whole(load.unknown)],
        ...((load.unsent ?? 0) > 0 ? [['Not sent', whole(load.unsent ?? 0)] as const] : []),
        ['Answers a second', whole(load.rps)],
        ['Duration', milliseconds(load.durationMs)],
        ['Longest time without service', milliseconds(longestGapMs(record.series))],
        ['Latency, mean', latency(latencyMs, 'mean')],
        ['Latency, p50', latency(latencyMs, 'p50')],
        ['Latency, p90', latency(latencyMs, 'p90')],
        ['Latency, p99', latency(latencyMs, 'p99')],
        ['Latency, p99.9', latency(latencyMs, 'p999')],
        ...(latencyMs.p9999 === undefined ? [] : [['Latency, p99.99', latency(latencyMs, 'p9999')] as const]),
        ['Latency, longest', latency(latencyMs, 'max')],
        ...Object.entries(load.statusCounts).map(
          ([status, count]) => [`HTTP ${status}`, whole(count)] as const,
        ),
      ],
    },
    {
      title: 'Load generator',
      facts: [
        ...sendingRows(record),
        ['Processes', whole(generator.processes)],
        ['Rate reached', percent(generator.rateReached)],
        ...healthRows(record),
        ['Was the limit', generator.limits.length === 0 ? 'no' : generator.limits.join(' ')],
        ['Speed verdict', withheldOf(record).length === 0 ? 'given' : 'withheld'],
      ],
    },
    ...group('Not accepted, by cause', causeFacts(record)),
    ...group(
      'Longest delay of an event loop',
      Object.entries(record.clocks ?? {}).map(([part, ms]) => [part, milliseconds(ms)] as const),
    ),
    ...(record.coverage === undefined
      ? []
      : [{ title: 'Rare paths', facts: rarePathFacts(record.coverage) }]),
    { title: 'Attack', facts: [...settingRows(attack), ['Sale', salesText(record)]] },
    {
      title: 'Environment',
      facts: [
        ['FlashGrid', environment.flashgrid],
        ...(environment.commit === undefined ? [] : [['Commit', environment.commit] as const]),
        ...(record.target
          ? ([
              ['Shop under test', record.target.name],
              ['Its address', record.target.url],
              ['Its adapter', record.target.file],
            ] as const)
          : ([
              [
                'Backends',
                `${environment.provider}${environment.highlyAvailable ? ', highly available' : ''}`,
              ],
              ['RabbitMQ', environment.backends.rabbitmq],
              ['Redis', environment.backends.redis],
              ['Postgres', environment.backends.postgres],
              ['Gateways', whole(environment.gateways)],
              ['Workers', whole(environment.workers)],
            ] as const)),
        ['Node', environment.node],
        ['System', environment.os],
        ['Processor', environment.cpu],
        ['Cores', whole(environment.cores)],
        ['Memory', byteSize(environment.memoryBytes)],
        ...(environment.memoryLimitBytes === undefined
          ? []
          : [['Memory limit', byteSize(environment.memoryLimitBytes)] as const]),
        ...(environment.openFiles === undefined
          ? []
          : [['Open files, at most', whole(environment.openFiles)] as const]),
      ],
    },
    { title: 'Run it again', facts: [['Command', repeatCommand(record)]], isWide: true },
  ];
}

/** The ids of the sales that were attacked. */
function salesText({ saleId, attack: { sales = 1 } }: RunRecord): string {
  if (sales === 1) return saleId;
  return `${saleIdOf(saleId, 0, sales)} to ${saleIdOf(saleId, sales - 1, sales)}`;
}

/** Nothing for a group without facts. */
const group = (title: string, facts: Figures): FactGroup[] => (facts.length === 0 ? [] : [{ title, facts }]);

function rarePathFacts(coverage: NonNullable<RunRecord['coverage']>): FactGroup['facts'] {
  const rows = coverageRows(coverage);
  if (rows.length === 0) return [['Taken', 'none']];
  return rows.map(([title, count]) => [title.replace(/^./, (first) => first.toUpperCase()), count] as const);
}

/** The longest time in ms, between the first accepted request and the last, in which none was accepted. */
export function longestGapMs(series: RunRecord['series']): number {
  const served = series.filter(({ accepted }) => accepted > 0);
  const gaps = served.slice(1).map(({ tMs }, at) => tMs - (served[at]?.tMs ?? tMs));
  // Neighbours are one interval apart: only what is more is a time without service.
  const step = Math.min(...series.slice(1).map(({ tMs }, at) => tMs - (series[at]?.tMs ?? tMs)));
  return Math.max(0, ...gaps.map((gap) => gap - step));
}

export const FAULT_COLUMNS = ['Moment', 'What was broken', 'What it did', 'Took effect'] as const;

export interface FaultRow {
  readonly moment: string;
  readonly title: string;
  /** As it was asked for: with it, the run can be repeated. */
  readonly fault: string;
  readonly effect: string;
  readonly hadEffect: boolean;
  /** Whether it took effect, in a word. */
  readonly word: 'yes' | 'no';
}

/** What a run broke on purpose, one row for each fault. */
export function faultRows({ faults = [] }: Pick<RunRecord, 'faults'>): readonly FaultRow[] {
  return faults.map((outcome) => {
    const { fault, tMs, endMs, effect, hadEffect } = outcome;
    const until = endMs === undefined ? '' : ` to ${momentOf(endMs)}`;
    return {
      moment: tMs === undefined ? 'never' : `${momentOf(tMs)}${until}`,
      title: outcomeTitle(outcome),
      fault,
      effect,
      hadEffect,
      word: hadEffect ? 'yes' : 'no',
    };
  });
}

/** Every setting of an attack that is given, with its value. */
function settingRows(attack: AttackSettings): FactGroup['facts'] {
  const given: Readonly<Partial<Record<AttackField, number | string | undefined>>> = attack;
  return [
    ['Profile', `${attack.profile}: ${PROFILE_LABELS[attack.profile].toLowerCase()}`],
    ...ATTACK_SETTINGS.flatMap((setting) => {
      const value = given[setting.field];
      return value === undefined ? [] : [[setting.label, settingText(setting, value)] as const];
    }),
  ];
}

const shownDate = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
});

/** What a search of runs matches: all that a list shows, and id, sale, raw verdict, settings and ISO date. */
function searchTextOf(run: RunSummary): string {
  const { tags = [], note, isPinned } = run.labels ?? {};
  return [
    run.title,
    run.title.replaceAll(',', ''),
    run.id,
    run.saleId,
    run.group,
    run.verdict,
    verdictShown(run),
    run.provider,
    run.startedAt,
    shownDate.format(new Date(run.startedAt)),
    `${whole(run.connections)} connections`,
    run.connections,
    `${whole(run.sold)} of ${whole(run.stock)}`,
    run.settings,
    ...tags,
    note,
    isPinned ? 'pinned' : '',
    run.isBaseline ? 'baseline' : '',
  ]
    .join(' ')
    .toLowerCase();
}

/** Ten thousand texts take longer to make than to search. */
const searchTexts = new WeakMap<RunSummary, string>();

/** Tells the runs in which every word of a search occurs. */
export function runMatcher(search: string): (run: RunSummary) => boolean {
  const words = search
    .toLowerCase()
    .split(/,?\s+|,$/)
    .filter(Boolean);
  return (run) => {
    if (words.length === 0) return true;
    let text = searchTexts.get(run);
    if (text === undefined) searchTexts.set(run, (text = searchTextOf(run)));
    return words.every((word) => text.includes(word));
  };
}
