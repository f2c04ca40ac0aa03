/** A run as the terminal shows it: load, audit, verdict. Pure: gives the text, colours only when asked. */
import { latency, milliseconds, percent, plural, whole } from './format.ts';
import { notesOf } from './run-notes.ts';
import type { Check, RunRecord } from './run-record.ts';
import { headlineOf, titleOf, verdictWord } from './run-text.ts';

export interface TerminalOptions {
  /** Whether to write ANSI colours. */
  readonly color: boolean;
  /** Columns of the terminal. */
  readonly width?: number;
}

const DEFAULT_WIDTH = 100;
const LABEL_WIDTH = 14;
const VALUE_WIDTH = 14;

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow';
const CODES: Readonly<Record<Style, string>> = { bold: '1', dim: '2', green: '32', red: '31', yellow: '33' };
type Paint = (text: string, ...styles: Style[]) => string;

/** The whole table, without a closing line feed. */
export function formatRun(record: RunRecord, { color, width = DEFAULT_WIDTH }: TerminalOptions): string {
  const paint: Paint = (text, ...styles) =>
    color ? `\x1b[${styles.map((style) => CODES[style]).join(';')}m${text}\x1b[0m` : text;
  return [
    `${paint(titleOf(record.attack), 'bold')}  ${paint(`${record.id} · ${record.environment.provider}`, 'dim')}`,
    '',
    paint('Load', 'bold'),
    ...loadLines(record, paint),
    '',
    paint(record.audit.checks.length > 0 ? 'Audit' : 'No audit; known when it ended', 'bold'),
    ...auditLines(record, paint),
    ...record.audit.checks.flatMap((check) => checkLines(check, paint, width)),
    '',
    ...verdictLines(record, paint, width),
  ].join('\n');
}

function loadLines({ load }: RunRecord, paint: Paint): string[] {
  const { latencyMs, generator } = load;
  const unanswered = whole(load.unknown);
  return [
    row(
      paint,
      ['Sent', whole(load.sent)],
      ['Requests/s', whole(load.rps)],
      ['p50', latency(latencyMs, 'p50')],
    ),
    row(
      paint,
      ['Accepted', whole(load.acknowledged)],
      ['Duration', milliseconds(load.durationMs)],
      ['p99', latency(latencyMs, 'p99')],
    ),
    row(
      paint,
      ['Rejected', whole(load.refused)],
      ['Generators', whole(generator.processes)],
      ['p99.9', latency(latencyMs, 'p999')],
    ),
    row(
      paint,
      ['Unclear', load.unknown > 0 ? paint(unanswered.padEnd(VALUE_WIDTH), 'yellow') : unanswered],
      ['Rate reached', percent(generator.rateReached)],
      ['Slowest', latency(latencyMs, 'max')],
    ),
    ...generator.limits.map((limit) => `  ${paint('!', 'yellow')} The generator was a limit: ${limit}`),
  ];
}

function auditLines({ audit }: RunRecord, paint: Paint): string[] {
  const bad = (count: number) => {
    const text = whole(count);
    return count > 0 ? paint(text.padEnd(VALUE_WIDTH), 'red') : text;
  };
  return [
    row(paint, ['Stock', whole(audit.stock)], ['Granted', whole(audit.granted)], ['Lost', bad(audit.lost)]),
    row(
      paint,
      ['Sold', whole(audit.sold)],
      ['Refused', whole(audit.refused)],
      ['Duplicated', bad(audit.duplicated)],
    ),
    row(
      paint,
      ['Oversold', bad(audit.oversold)],
      ['Pending', bad(audit.pending)],
      ['Drained in', milliseconds(audit.drainMs)],
    ),
  ];
}

function row(paint: Paint, ...cells: (readonly [label: string, value: string])[]): string {
  return `  ${cells
    .map(([label, value]) => `${paint(label.padEnd(LABEL_WIDTH), 'dim')}${value.padEnd(VALUE_WIDTH)}`)
    .join('')
    .trimEnd()}`;
}

function checkLines(check: Check, paint: Paint, width: number): string[] {
  const mark = check.ok
    ? paint('✓', 'green')
    : check.isOpen === true
      ? paint('?', 'yellow', 'bold')
      : paint('✗', 'red', 'bold');
  const offenders =
    check.ok || check.evidence.offenders.length === 0
      ? []
      : wrap(`First offenders: ${check.evidence.offenders.join(', ')}`, width - 4);
  return [
    `  ${mark} ${check.ok ? check.title : paint(check.title, check.isOpen === true ? 'yellow' : 'red')}`,
    ...[...wrap(check.evidence.summary, width - 4), ...offenders].map((line) => `    ${paint(line, 'dim')}`),
  ];
}

function verdictLines(record: RunRecord, paint: Paint, width: number): string[] {
  const style: Style = record.verdict === 'pass' ? 'green' : record.verdict === 'fail' ? 'red' : 'yellow';
  const unknown =
    record.audit.unknownResolved > 0
      ? [
          `  ${plural(record.audit.unknownResolved, 'request')} without a clear answer: the audit found what became of ${record.audit.unknownResolved === 1 ? 'it' : 'them'}.`,
        ]
      : [];
  return [
    `${paint(verdictWord(record), style, 'bold')}  ${headlineOf(record)}`,
    ...unknown,
    ...[...record.reasons, ...notesOf(record)].flatMap((reason) =>
      wrap(reason, width - 4).map((line, at) => `${at === 0 ? '  - ' : '    '}${line}`),
    ),
  ];
}

/** Breaks a text at spaces; a word longer than the width keeps its line for itself. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  // Offenders hold what buyers sent: a control character must not reach the terminal.
  for (const word of text.replace(/[\p{Cc}\p{Cf}]/gu, '?').split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
