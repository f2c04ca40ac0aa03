/** Which log lines a filter lets through: the same rule for lines that were asked for and lines that arrive. */
import type { LogEntry } from '../../contract/contract.ts';

export const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof LEVELS)[number];

export interface LogFilter {
  /** None means all. */
  readonly parts: readonly string[];
  readonly minLevel: Level;
  readonly text: string;
}

export function isLevel(text: string): text is Level {
  return LEVELS.some((level) => level === text);
}

/** The rule as a function: what is the same for every line is worked out once. */
export function matcherOf(filter: LogFilter): (line: LogEntry) => boolean {
  const parts = new Set(filter.parts);
  const minLevel = LEVELS.indexOf(filter.minLevel);
  const needle = filter.text.toLowerCase();
  return (line) =>
    (parts.size === 0 || parts.has(line.part)) &&
    LEVELS.indexOf(line.level) >= minLevel &&
    (needle === '' || line.text.toLowerCase().includes(needle));
}

/** Lines that have come since `lastSeq`, and whether some are missing in between: a flood is cut on its way. */
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

/** Older lines and newer ones as one list, each line once, the newest `max` kept. Both must be in order. */
export function joinLines(older: readonly LogEntry[], newer: readonly LogEntry[], max: number): LogEntry[] {
  const lastSeq = older.at(-1)?.seq ?? 0;
  return [...older, ...newer.filter(({ seq }) => seq > lastSeq)].slice(-max);
}

/** Index of the first line at or after a moment; the last line when all are earlier. */
export function indexAt(lines: readonly LogEntry[], atMs: number): number {
  const index = lines.findIndex((line) => line.atMs >= atMs);
  return index === -1 ? Math.max(0, lines.length - 1) : index;
}
