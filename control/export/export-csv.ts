/**
 * A run as CSV (RFC 4180): first the figures of the run, one a line (`summary,<name>,<value>`), then its
 * checks, then the series. All lines have the same number of fields, as the RFC asks; the first column says
 * which section a line belongs to.
 */
import type { RunRecord, Sample } from '../../contract/run-record.ts';
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

/** Heads of columns whose key in the record is an older word. */
const HEADS: Partial<Record<keyof Sample, string>> = {
  accepted: 'accepted',
};

type Field = string | number | boolean;
/** null: not known, an empty field. */
type Cell = Field | null;

/** The whole run; text for a spreadsheet or a script. */
export function exportCsv(record: RunRecord): string {
  const rows: Cell[][] = [
    ['section', 'name', 'value'],
    ...summaryRows(record).map(([name, value]) => ['summary', name, value]),
    ['section', 'check', 'ok', 'title', 'evidence', 'offenders', 'isOpen'],
    ...record.audit.checks.map(({ id, ok, isOpen, title, evidence }) => [
      'check',
      id,
      ok,
      title,
      evidence.summary,
      evidence.offenders.join('; '),
      isOpen ?? false,
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
    ['section', ...SERIES_COLUMNS.map((column) => HEADS[column] ?? column)],
    ...record.series.map((sample) => ['series', ...SERIES_COLUMNS.map((column) => sample[column])]),
  ];
  const width = SERIES_COLUMNS.length + 1;
  return rows
    .map((row) => `${Array.from({ length: width }, (_, at) => encodeField(row[at] ?? '')).join(',')}\r\n`)
    .join('');
}

function summaryRows(record: RunRecord): [string, Field][] {
  const { load, audit, environment, attack } = record;
  return [
    ['schema', record.schema],
    ['id', record.id],
    ['title', titleOf(attack)],
    ['startedAt', record.startedAt],
    ['finishedAt', record.finishedAt],
    ['verdict', verdictWord(record)],
    ['exitCode', record.exitCode],
    ['end', record.end ?? 'finished'],
    ['reasons', record.reasons.join(' ')],
    ['notes', notesOf(record).join(' ')],
    ['saleId', record.saleId],
    ...Object.entries(attack).map(([name, value]): [string, Field] => [`attack.${name}`, value ?? '']),
    ['load.sent', load.sent],
    ['load.accepted', load.accepted],
    ['load.rejected', load.rejected],
    ['load.unknown', load.unknown],
    ['load.unsent', load.unsent ?? 0],
    ['load.rps', load.rps],
    ['load.durationMs', load.durationMs],
    ...Object.entries(load.latencyMs).map(([name, value]): [string, Field] => [
      `load.latencyMs.${name}`,
      // No latency at all is not one of 0 ms.
      load.latencyMs.max > 0 ? value : '',
    ]),
    ...Object.entries(load.statusCounts).map(([name, value]): [string, Field] => [
      `load.status.${name}`,
      value,
    ]),
    ...Object.entries(load.causes ?? {}).map(([name, value]): [string, Field] => [
      `load.cause.${name}`,
      value,
    ]),
    ...Object.entries(record.clocks ?? {}).map(([part, lateMs]): [string, Field] => [
      `clock.${part}.lateMs`,
      lateMs,
    ]),
    ...Object.entries(record.coverage ?? {}).map(([path, count]): [string, Field] => [
      `coverage.${path}`,
      count,
    ]),
    ['generator.processes', load.generator.processes],
    ['generator.eventLoopLagMaxMs', load.generator.eventLoopLagMaxMs],
    ['generator.rateReached', load.generator.rateReached],
    ['generator.limits', load.generator.limits.join(' ')],
    ['audit.stock', audit.stock],
    ['audit.sold', audit.sold],
    ['audit.granted', audit.granted],
    ['audit.refused', audit.refused],
    ['audit.pending', audit.pending],
    ['audit.lost', audit.lost],
    ['audit.duplicated', audit.duplicated],
    ['audit.oversold', audit.oversold],
    ['audit.undersold', audit.undersold],
    ['audit.unknownResolved', audit.unknownResolved],
    ['audit.unknownGranted', audit.unknownGranted ?? ''],
    ['audit.isSaleClosed', audit.isSaleClosed ?? ''],
    ['audit.undecided', (audit.undecided ?? []).join(' ')],
    ['audit.drainMs', audit.drainMs],
    ['environment.flashgrid', environment.flashgrid],
    ['environment.node', environment.node],
    ['environment.os', environment.os],
    ['environment.cpu', environment.cpu],
    ['environment.cores', environment.cores],
    ['environment.memoryBytes', environment.memoryBytes],
    ['environment.provider', environment.provider],
    ['environment.rabbitmq', environment.backends.rabbitmq],
    ['environment.redis', environment.backends.redis],
    ['environment.postgres', environment.backends.postgres],
    ['environment.gateways', environment.gateways],
    ['environment.workers', environment.workers],
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
