/** Which log lines a filter lets through: the same rule for lines that were asked for and lines that arrive. */
import type { LogEntry } from '../../electron/control/contract.ts';

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

export function matches(line: LogEntry, filter: LogFilter): boolean {
  return (
    (filter.parts.length === 0 || filter.parts.includes(line.part)) &&
    LEVELS.indexOf(line.level) >= LEVELS.indexOf(filter.minLevel) &&
    (filter.text === '' || line.text.toLowerCase().includes(filter.text.toLowerCase()))
  );
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
