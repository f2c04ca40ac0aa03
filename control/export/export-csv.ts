/**
 * A run as CSV (RFC 4180): first the figures of the run, one a line (`summary,<name>,<value>`), then its
 * checks, incidents and the heat map of the latencies, then the series. All lines have the same number of fields,
 * as the RFC asks; the first column says which section a line belongs to.
 */
import type { Audit, Environment, RunRecord, Sample } from '../../contract/run-record.ts';
import { repeatCommand } from '../../contract/run-figures.ts';
import { notesOf } from '../../contract/run-notes.ts';
import { titleOf, verdictWord } from '../../contract/run-text.ts';

const SERIES_COLUMNS = [
  'tMs',
  'sent',
  'accepted',
  'rejected',
  'unknown',
  'rps',
  'p50Ms',
  'p99Ms',
  'queueDepth',
  'unconfirmed',
  'remaining',
  'granted',
  'refused',
  'committed',
] as const satisfies readonly (keyof Sample)[];

type Field = string | number | boolean;
/** null: not known, an empty field. */
type Cell = Field | null;

/** The whole run; text for a spreadsheet or a script. */
export function exportCsv(record: RunRecord): string {
  const rows: Cell[][] = [
    ['section', 'name', 'value'],
    ...summaryRows(record).map(([name, value]) => ['summary', name, value]),
    ['section', 'check', 'ok', 'title', 'evidence', 'offenders', 'isOpen', 'isNotJudged'],
    ...record.audit.checks.map(({ id, ok, isOpen, isNotJudged, title, evidence }) => [
      'check',
      id,
      ok,
      title,
      evidence.summary,
      evidence.offenders.join('; '),
      isOpen ?? false,
      isNotJudged ?? false,
    ]),
    ['section', 'atMs', 'part', 'kind', 'lengthMs', 'text'],
    ...(record.incidents ?? []).map(({ tMs, part, kind, lengthMs, text }) => [
      'incident',
      tMs,
      part,
      kind,
      lengthMs ?? '',
      text,
    ]),
    ['section', 'endMs', 'upToMs', 'answers'],
    ...heatRows(record),
    ['section', ...SERIES_COLUMNS],
    ...record.series.map((sample) => ['series', ...SERIES_COLUMNS.map((column) => sample[column])]),
  ];
  const width = SERIES_COLUMNS.length + 1;
  return rows
    .map((row) => `${Array.from({ length: width }, (_, at) => encodeField(row[at] ?? '')).join(',')}\r\n`)
    .join('');
}

/** One row for each latency that occurred in an interval; the field is empty for what took longer than all edges. */
const heatRows = ({ latencyHeat }: RunRecord): Cell[][] =>
  (latencyHeat?.columns ?? []).flatMap(({ tMs, counts }) =>
    counts.flatMap((count, row) =>
      count === 0 ? [] : [['heat', tMs, latencyHeat?.edgesMs[row] ?? '', count]],
    ),
  );

/** A row for each field of a group; one that is missing is left empty. */
function group(name: string, fields: Readonly<Record<string, Field | undefined>>): [string, Field][] {
  return Object.entries(fields).map(([field, value]) => [`${name}.${field}`, value ?? '']);
}

const countsOf = ({ checks: _, sales: _sales, undecided = [], ...counts }: Audit) => ({
  unknownGranted: undefined,
  isSaleClosed: undefined,
  ...counts,
  undecided: undecided.join(' '),
});

function salesOf({ sales }: Audit): [string, Field][] {
  if (!sales) return [];
  const { worst, ...counts } = sales;
  return [
    ...group('audit.sales', counts),
    ...group('audit.sales.worst', { ...worst, failed: worst.failed.join(' ') }),
  ];
}

const machineOf = ({ backends, ...machine }: Environment) => ({ ...machine, ...backends });

/** Every figure of a run by its name in the record. */
export function summaryRows(record: RunRecord): [string, Field][] {
  const { schema, id, startedAt, finishedAt, exitCode, end = 'finished', reasons, saleId, load } = record;
  const { sent, accepted, rejected, unknown, unsent = 0, rps, durationMs, latencyMs } = load;
  const { processes, eventLoopLagMaxMs, eventLoopLagP99Ms, cpuShare, rateReached, limits } = load.generator;
  const { each = [], machine: { cores = [], stealShare, otherCores, others = [] } = {} } = load.generator;
  return [
    ['schema', schema],
    ['id', id],
    ['title', titleOf(record.attack)],
    ['startedAt', startedAt],
    ['finishedAt', finishedAt],
    ['verdict', verdictWord(record)],
    ['exitCode', exitCode],
    ['end', end],
    ['reasons', reasons.join(' ')],
    ['notes', notesOf(record).join(' ')],
    ['saleId', saleId],
    ['repeat', repeatCommand(record)],
    ...(record.target ? group('target', record.target) : []),
    ...group('attack', record.attack),
    ...group('load', { sent, accepted, rejected, unknown, unsent, rps, durationMs }),
    // No latency at all is not one of 0 ms.
    ...group(
      'load.latencyMs',
      latencyMs.max > 0 ? latencyMs : { p50: '', p90: '', p99: '', p999: '', max: '' },
    ),
    ...(load.latencies ?? []).flatMap(({ outcome, from, count, meanMs, percentiles }) =>
      group(`load.latencies.${outcome}.${from}`, {
        count,
        meanMs,
        ...Object.fromEntries(percentiles.map(([percent, ms]) => [`p${percent}Ms`, ms])),
      }),
    ),
    ...group('load.sending', load.sending ?? {}),
    ...group('load.status', load.statusCounts),
    ...group('load.cause', load.causes ?? {}),
    ...Object.entries(record.clocks ?? {}).map(([part, ms]): [string, Field] => [`clock.${part}.lateMs`, ms]),
    ...group('coverage', record.coverage ?? {}),
    ['speed', record.speed ? 'withheld' : 'given'],
    ...group('generator', { processes, eventLoopLagMaxMs, eventLoopLagP99Ms, cpuShare, rateReached }),
    ['generator.limits', limits.join(' ')],
    ...each.flatMap((one, at) => group(`generator.${at + 1}`, one)),
    ...cores.flatMap((one, at) => group(`machine.core.${at}`, one)),
    ...group('machine', { stealShare, otherCores }),
    ['machine.others', others.map(({ name, cores: used }) => `${name}: ${used}`).join('; ')],
    ...group('audit', countsOf(record.audit)),
    ...salesOf(record.audit),
    ...group('environment', machineOf(record.environment)),
  ];
}

/**
 * A field as RFC 4180 wants it. A text that a spreadsheet would take for a formula gets an apostrophe before
 * it: buyers choose their own ids, and those show among the offenders.
 */
function encodeField(field: Field): string {
  if (typeof field !== 'string') return String(field);
  const text = /^[=+\-@\t\r]/.test(field) ? `'${field}` : field;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
