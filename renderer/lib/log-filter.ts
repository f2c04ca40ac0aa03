/** Which log lines a filter passes, and how loaded lines and new ones are joined. */
import type { LogEntry } from '../../contract/state.ts';

export const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof LEVELS)[number];

export interface LogFilter {
  /** Empty: all parts. */
  readonly parts: readonly string[];
  readonly minLevel: Level;
  readonly text: string;
}

export function isLevel(text: string): text is Level {
  return LEVELS.some((level) => level === text);
}

/** The filter as a predicate; prepares what is the same for every line once. */
export function matcherOf(filter: LogFilter): (line: LogEntry) => boolean {
  const parts = new Set(filter.parts);
  const minLevel = LEVELS.indexOf(filter.minLevel);
  const needle = filter.text.toLowerCase();
  return (line) =>
    (parts.size === 0 || parts.has(line.part)) &&
    LEVELS.indexOf(line.level) >= minLevel &&
    (needle === '' || line.text.toLowerCase().includes(needle));
}

/** The lines after `lastSeq`, and whether some are missing: the control centre thins out a flood. */
export function linesSince(
  lines: readonly LogEntry[],
  lastSeq: number,
): { readonly fresh: readonly LogEntry[]; readonly isGap: boolean } {
  let first = lines.length;
  while (first > 0 && (lines[first - 1]?.seq ?? 0) > lastSeq) first--;
  const fresh = lines.slice(first);
  const isGap = fresh.some(({ seq }, at) => seq !== (fresh[at - 1]?.seq ?? lastSeq) + 1);
  return { fresh, isGap };
}

/** Joins two ordered lists without duplicates, and keeps the newest `max` lines. */
export function joinLines(older: readonly LogEntry[], newer: readonly LogEntry[], max: number): LogEntry[] {
  const lastSeq = older.at(-1)?.seq ?? 0;
  return [...older, ...newer.filter(({ seq }) => seq > lastSeq)].slice(-max);
}

/** Index of the first line at or after a moment, or of the last line if all are earlier. */
export function indexAt(lines: readonly LogEntry[], atMs: number): number {
  const index = lines.findIndex((line) => line.atMs >= atMs);
  return index === -1 ? Math.max(0, lines.length - 1) : index;
}

/** Lines as a text file: one line each, with its moment as an ISO date. */
export const logText = (lines: readonly LogEntry[]): string =>
  lines
    .map(({ atMs, part, level, text }) => `${new Date(atMs).toISOString()} ${part} ${level} ${text}\n`)
    .join('');
