/**
 * Follows the log file of a backend in bounded steps: a broker that logs very much must not flood the control
 * centre.
 */
import { closeSync, existsSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import type { LogLine } from '../../../contract/state.ts';

const POLL_INTERVAL_MS = 250;
/** Bytes read in one poll. What comes faster is skipped, and a log line says so. */
const MAX_POLL_BYTES = 128 * 1024;
const MAX_LINE_LENGTH = 2_000;
const ROTATE_BYTES = 8 * 1024 * 1024;

/** Limits a log file: past 8 MB it is renamed to `<path>.1`, which replaces the previous one. */
export function rotateLog(path: string): void {
  if (existsSync(path) && statSync(path).size > ROTATE_BYTES) renameSync(path, `${path}.1`);
}

/** Size of a file; 0 when it does not exist. */
export function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}

/** The last lines of a log from byte `from` on: what a backend wrote before it ended. */
export function lastLines(path: string, from: number, maxLines = 8, maxBytes = 16_384): string[] {
  if (!existsSync(path)) return [];
  const { size } = statSync(path);
  const text = readRange(path, Math.max(from, size - maxBytes), maxBytes).text;
  return text
    .split('\n')
    .map((line) => line.trimEnd().slice(0, MAX_LINE_LENGTH))
    .filter((line) => line !== '')
    .slice(-maxLines);
}

/**
 * Passes on each new line of a file, from byte `from` on.
 * @returns the function that ends it, after one last read
 */
export function tailLog(
  path: string,
  from: number,
  part: string,
  onLog: (line: LogLine) => void,
): () => void {
  let position = from;
  let rest = '';
  const read = () => {
    const size = sizeOf(path);
    // The file was rotated or emptied.
    if (size < position) position = 0;
    if (size - position > MAX_POLL_BYTES) {
      const skipped = size - position - MAX_POLL_BYTES;
      position += skipped;
      rest = '';
      onLog({ atMs: Date.now(), part, level: 'warn', text: `… ${skipped} bytes of log left out` });
    }
    if (size === position) return;
    const piece = readRange(path, position, size - position);
    position += piece.bytes;
    const lines = (rest + piece.text).split('\n');
    rest = (lines.pop() ?? '').slice(0, MAX_LINE_LENGTH);
    for (const line of lines) {
      const text = line.trimEnd().slice(0, MAX_LINE_LENGTH);
      if (text !== '') onLog({ atMs: Date.now(), part, level: levelOf(text), text });
    }
  };
  const poll = () => {
    try {
      read();
    } catch {
      // A reset removed the file, or no file descriptor is free during an attack: the next poll reads on.
    }
  };
  const timer = setInterval(poll, POLL_INTERVAL_MS);
  // The process may end while this timer runs.
  timer.unref();
  return () => {
    clearInterval(timer);
    poll();
  };
}

/**
 * Level of a line of RabbitMQ (`[warning]`), Postgres (`LOG:`) or Redis (`12:M 01 Jan 2026 00:00:00.000 #
 * text`).
 */
export function levelOf(text: string): LogLine['level'] {
  const named = /\[(debug|info|notice|warning|error|critical|alert|emergency)\]/.exec(text)?.[1];
  if (named) {
    if (named === 'debug') return 'debug';
    if (named === 'info' || named === 'notice') return 'info';
    return named === 'warning' ? 'warn' : 'error';
  }
  const postgres = /\] (DEBUG\d?|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC): /.exec(text)?.[1];
  if (postgres) {
    if (postgres.startsWith('DEBUG')) return 'debug';
    if (postgres === 'WARNING') return 'warn';
    return ['ERROR', 'FATAL', 'PANIC'].includes(postgres) ? 'error' : 'info';
  }
  const redis = /^\d+:[MCSX] .*?\d\.\d{3} ([.*#-]) /.exec(text)?.[1];
  if (redis) return redis === '#' ? 'warn' : redis === '*' ? 'info' : 'debug';
  return 'info';
}

function readRange(path: string, from: number, maxBytes: number): { text: string; bytes: number } {
  const file = openSync(path, 'r');
  try {
    const length = Math.min(maxBytes, Math.max(0, fstatSync(file).size - from));
    const buffer = Buffer.alloc(length);
    const bytes = readSync(file, buffer, 0, length, from);
    return { text: buffer.toString('utf8', 0, bytes), bytes };
  } finally {
    closeSync(file);
  }
}
