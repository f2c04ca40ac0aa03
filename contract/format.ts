/** Figures as people read them. English throughout, so that a report reads the same on every machine. */

const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const FINE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

/** `12345.6` → `12,346`. */
export function whole(value: number): string {
  return WHOLE.format(value);
}

/** `12345.67` → `12,345.7`. */
export function figure(value: number): string {
  return FINE.format(value);
}

/** `1 ticket`, `20 tickets`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${whole(count)} ${count === 1 ? one : many}`;
}

/** `0.42 ms`, `12.3 ms`, `1,240 ms`, `12.5 s`. */
export function milliseconds(ms: number): string {
  if (ms >= 10_000) return `${FINE.format(ms / 1_000)} s`;
  if (ms >= 100) return `${whole(ms)} ms`;
  if (ms >= 1) return `${FINE.format(ms)} ms`;
  return `${ms.toFixed(2)} ms`;
}

/** `0.873` → `87.3 %`. */
export function percent(share: number): string {
  return `${FINE.format(share * 100)} %`;
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `512 B`, `82 MiB`, `23.5 GiB`: binary units, as the settings have them. */
export function byteSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_023.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1_024;
    unit++;
  }
  // Of GiB one decimal is worth a hundred MiB; below, it is noise.
  return `${value >= 10 && unit < 3 ? whole(value) : FINE.format(value)} ${BYTE_UNITS[unit] ?? 'TiB'}`;
}

/** A latency of a run as `milliseconds` writes it; `–` when nothing was answered, so that there is none. */
export function latency(latencyMs: Readonly<Record<string, number>>, key: string): string {
  return (latencyMs['max'] ?? 0) > 0 ? milliseconds(latencyMs[key] ?? 0) : '–';
}

/** `2026-11-23 19:05:48 UTC`. */
export function utcTime(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

/** Breaks a text at spaces; a word longer than the width keeps its line for itself. */
export function wrapText(text: string, width: number): string[] {
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
