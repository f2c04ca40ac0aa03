/** A run as the terminal shows it: load, audit, verdict. Pure: gives the text, colours only when asked. */
import { latency, milliseconds, percent, plural, whole, wrapText } from '../../contract/format.ts';
import { checkState, type CheckState } from '../../contract/checks.ts';
import { coverageText } from '../../contract/coverage.ts';
import { notesOf } from '../../contract/run-notes.ts';
import type { Check, RunRecord } from '../../contract/run-record.ts';
import { severalSalesRows } from '../../contract/run-figures.ts';
import { headlineOf, titleOf, verdictWord } from '../../contract/run-text.ts';
import { eventLines, eventText, eventTime, type Witness } from '../../contract/witness.ts';

export interface TerminalOptions {
  /** Whether to write ANSI colours. */
  readonly color: boolean;
  /** Columns of the terminal. */
  readonly width?: number;
}

const DEFAULT_WIDTH = 100;
const LABEL_WIDTH = 13;
const VALUE_WIDTH = 12;
const CELL_WIDTH = LABEL_WIDTH + VALUE_WIDTH;
/** Columns of a witness' times, and the fewest of a lane; a narrower terminal gets both lanes in one column. */
const TIME_WIDTH = 15;
const MIN_LANE_WIDTH = 22;

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow';
const CODES: Readonly<Record<Style, string>> = { bold: '1', dim: '2', green: '32', red: '31', yellow: '33' };
type Paint = (text: string, ...styles: Style[]) => string;

/** The whole table, without a closing line feed. */
export function formatRun(record: RunRecord, { color, width = DEFAULT_WIDTH }: TerminalOptions): string {
  const paint: Paint = (text, ...styles) =>
    color ? `\x1b[${styles.map((style) => CODES[style]).join(';')}m${text}\x1b[0m` : text;
  return [
    ...titleLines(record, paint, width),
    '',
    paint('Load', 'bold'),
    ...loadLines(record, paint, width),
    '',
    paint(record.audit.checks.length > 0 ? 'Audit' : 'No audit; known when it ended', 'bold'),
    ...auditLines(record, paint, width),
    ...severalSalesRows(record).flatMap(([label, value]) =>
      wrapText(`${label}: ${value}`, width - 2).map((line) => `  ${line}`),
    ),
    ...record.audit.checks.flatMap((check) => checkLines(check, paint, width)),
    '',
    ...verdictLines(record, paint, width),
  ].join('\n');
}

function titleLines(record: RunRecord, paint: Paint, width: number): string[] {
  const [title, where] = [
    titleOf(record.attack),
    `${record.id} · ${record.target?.name ?? record.environment.provider}`,
  ];
  if (title.length + 2 + where.length <= width) return [`${paint(title, 'bold')}  ${paint(where, 'dim')}`];
  return [...wrapText(title, width).map((line) => paint(line, 'bold')), paint(where, 'dim')];
}

function loadLines({ load }: RunRecord, paint: Paint, width: number): string[] {
  const { latencyMs, generator } = load;
  const unanswered = whole(load.unknown);
  return [
    ...table(paint, width, [
      ['Sent', whole(load.sent)],
      ['Requests/s', whole(load.rps)],
      ['p50', latency(latencyMs, 'p50')],
      ['Accepted', whole(load.accepted)],
      ['Duration', milliseconds(load.durationMs)],
      ['p99', latency(latencyMs, 'p99')],
      ['Rejected', whole(load.rejected)],
      ['Generators', whole(generator.processes)],
      ['p99.9', latency(latencyMs, 'p999')],
      ['Unclear', load.unknown > 0 ? paint(unanswered.padEnd(VALUE_WIDTH), 'yellow') : unanswered],
      ['Rate reached', percent(generator.rateReached)],
      ['Slowest', latency(latencyMs, 'max')],
    ]),
  ];
}

function auditLines({ audit, target }: RunRecord, paint: Paint, width: number): string[] {
  const bad = (count: number) => {
    const text = whole(count);
    return count > 0 ? paint(text.padEnd(VALUE_WIDTH), 'red') : text;
  };
  return table(paint, width, [
    ['Stock', whole(audit.stock)],
    ['Granted', whole(audit.granted)],
    ['Lost', bad(audit.lost)],
    ['Sold', whole(audit.sold)],
    ['Refused', whole(audit.refused)],
    ['Duplicated', bad(audit.duplicated)],
    ['Oversold', bad(audit.oversold)],
    ['Undecided', bad(audit.pending)],
    [target ? 'Settled in' : 'Drained in', milliseconds(audit.drainMs)],
  ]);
}

/** Three cells beside each other, or as many as the width takes. */
function table(
  paint: Paint,
  width: number,
  cells: readonly (readonly [label: string, value: string])[],
): string[] {
  const beside = Math.max(1, Math.min(3, Math.floor((width - 2) / CELL_WIDTH)));
  const lines: string[] = [];
  for (let first = 0; first < cells.length; first += beside) {
    const texts = cells
      .slice(first, first + beside)
      .map(([label, value]) => `${paint(label.padEnd(LABEL_WIDTH), 'dim')}${value.padEnd(VALUE_WIDTH)}`);
    lines.push(`  ${texts.join('').trimEnd()}`);
  }
  return lines;
}

const MARKS: Readonly<Record<CheckState, readonly [sign: string, style: Style]>> = {
  passed: ['✓', 'green'],
  open: ['?', 'yellow'],
  failed: ['✗', 'red'],
  notJudged: ['–', 'dim'],
};

function checkLines(check: Check, paint: Paint, width: number): string[] {
  const state = checkState(check);
  const [sign, ...styles] = MARKS[state];
  const mark = paint(sign, ...styles, ...(check.ok ? [] : ['bold' as const]));
  const offenders =
    check.ok || check.evidence.offenders.length === 0
      ? []
      : wrapText(`First offenders: ${check.evidence.offenders.join(', ')}`, width - 4);
  return [
    ...wrapText(state === 'notJudged' ? `Not judged: ${check.title}` : check.title, width - 4).map(
      (line, at) => `${at === 0 ? `  ${mark} ` : '    '}${check.ok ? line : paint(line, ...styles)}`,
    ),
    ...[...wrapText(check.evidence.summary, width - 4), ...offenders].map(
      (line) => `    ${paint(line, 'dim')}`,
    ),
    ...(check.evidence.witness ? witnessLines(check.evidence.witness, paint, width) : []),
  ];
}

/** The two lanes of a witness beside each other, its events from top to bottom. */
export function witnessLines(witness: Witness, paint: Paint, width: number): string[] {
  const { contradiction, lanes, events } = witness;
  const head = wrapText(`Witness: ${contradiction}`, width - 4).map((line) => `    ${paint(line, 'bold')}`);
  const laneWidth = Math.floor((width - 4 - TIME_WIDTH - 3) / 2);
  if (laneWidth < MIN_LANE_WIDTH)
    return [
      ...head,
      ...eventLines(witness).flatMap((event) =>
        breakText(event, width - 6).map((line, at) => `    ${at === 0 ? '- ' : '  '}${line}`),
      ),
    ];
  const row = (time: string, cells: readonly (readonly string[])[]): string[] =>
    Array.from({ length: Math.max(...cells.map((lines) => lines.length)) }, (_, at) => {
      const [left = '', right = ''] = cells.map((lines) => lines[at] ?? '');
      return `    ${paint((at === 0 ? time : '').padEnd(TIME_WIDTH), 'dim')}${left.padEnd(laneWidth)} │ ${right}`.trimEnd();
    });
  const titles = lanes.map((lane) => breakText(lane, laneWidth));
  return [
    ...head,
    ...row('', titles),
    ...events.flatMap((event) => {
      const lines = breakText(eventText(event), laneWidth);
      return row(eventTime(event), event.lane === 0 ? [lines, []] : [[], lines]);
    }),
  ];
}

/** Breaks a text at spaces, and words that are longer than a line as well. */
function breakText(text: string, width: number): string[] {
  return wrapText(text, width).flatMap((line) => line.match(new RegExp(`.{1,${width}}`, 'gu')) ?? ['']);
}

function verdictLines(record: RunRecord, paint: Paint, width: number): string[] {
  const style: Style = record.verdict === 'pass' ? 'green' : record.verdict === 'fail' ? 'red' : 'yellow';
  const unknown =
    record.audit.unknownResolved > 0
      ? [
          ...wrapText(
            `${plural(record.audit.unknownResolved, 'request')} without a clear answer: the audit found what became of ${record.audit.unknownResolved === 1 ? 'it' : 'them'}.`,
            width - 2,
          ).map((line) => `  ${line}`),
        ]
      : [];
  const word = verdictWord(record);
  const [first = '', ...more] = wrapText(`${word}  ${headlineOf(record)}`, width - 2);
  return [
    `${paint(word, style, 'bold')}${first.slice(word.length)}`,
    ...more.map((line) => `  ${line}`),
    ...unknown,
    ...[...record.reasons, ...notesOf(record)].flatMap((reason) =>
      wrapText(reason, width - 4).map((line, at) => `${at === 0 ? '  - ' : '    '}${line}`),
    ),
    ...(Object.keys(record.coverage ?? {}).length === 0
      ? []
      : wrapText(coverageText(record.coverage) ?? '', width).map((line) => paint(line, 'dim'))),
    ...(record.evidenceRoot === undefined ? [] : [paint(`Evidence root ${record.evidenceRoot}`, 'dim')]),
  ];
}
