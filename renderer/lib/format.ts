/** Numbers as people read them. Everything is en-US, so that a projector in any country shows the same run alike. */

import { byteSize } from '../../contract/format.ts';

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** 12,345. */
export function formatCount(value: number): string {
  return whole.format(Math.round(value));
}

/** 940 · 12.3k · 4.56M: at most four characters of digits. */
export function formatCompact(value: number): string {
  const size = Math.abs(value);
  if (size < 10) return trimZero(value.toFixed(1));
  if (size < 1_000) return String(Math.round(value));
  if (size < 999_500) return `${trimZero((value / 1_000).toFixed(size < 99_950 ? 1 : 0))}k`;
  return `${trimZero((value / 1_000_000).toFixed(2))}M`;
}

function trimZero(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** 0.4 ms · 12 ms · 1.24 s. */
export function formatMs(ms: number): string {
  if (ms < 10) return `${trimZero(ms.toFixed(1))} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return `${trimZero((ms / 1_000).toFixed(ms < 10_000 ? 2 : 1))} s`;
}

/** 42 s · 3 min 07 s · 2 h 05 min · 3 d 4 h. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const two = (value: number): string => String(value).padStart(2, '0');
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  if (seconds < 86_400)
    return `${Math.floor(seconds / 3_600)} h ${two(Math.floor((seconds % 3_600) / 60))} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3_600)} h`;
}

/** 42 s · 3 min · 2 h · 3 d: where there is little room. */
export function formatUptime(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** 512 B · 82 MiB · 23.5 GiB. */
export const formatBytes = byteSize;

/** A latency of a run; `–` when nothing was answered, so that there is none. */
export function formatLatency(latencyMs: Readonly<Record<string, number>>, key: string): string {
  return (latencyMs['max'] ?? 0) > 0 ? formatMs(latencyMs[key] ?? 0) : '–';
}

/**
 * 99.8 %. Rounds down, and never to 100 % below 1: a share that is told to be all must be all.
 * @param share 0..1
 */
export function formatShare(share: number): string {
  if (share >= 1) return '100 %';
  const tenths = Math.floor(share * 1_000) / 10;
  if (tenths >= 99 && share < 1) return `${trimZero((Math.floor(share * 10_000) / 100).toFixed(2))} %`;
  return `${trimZero(tenths.toFixed(1))} %`;
}

/** 14:03:59.120, in the machine's own zone. */
export function formatClock(atMs: number): string {
  const at = new Date(atMs);
  const pad = (value: number, width = 2): string => String(value).padStart(width, '0');
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}.${pad(at.getMilliseconds(), 3)}`;
}

const day = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});

/** 23 Nov, 19:05. */
export function formatDate(iso: string): string {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? iso : day.format(at);
}

/** `Must be a number.`: what is wrong with a field, below the field itself. */
export function sentence(message: string): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}${message.endsWith('.') ? '' : '.'}`;
}

/** `1 ticket`, `20 tickets`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${formatCount(value)} ${value === 1 ? one : many}`;
}
