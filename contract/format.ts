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

function trimZero(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** Three digits: `0.42`, `12.3`, `940`. */
function threeDigits(value: number): string {
  return trimZero(value.toFixed(value < 10 ? 2 : value < 99.95 ? 1 : 0));
}

/** `0.42 ms`, `12.3 ms`, `240 ms`, `1.24 s`, `61 s`. */
export function milliseconds(ms: number): string {
  return ms < 999.5 ? `${threeDigits(ms)} ms` : `${threeDigits(ms / 1_000)} s`;
}

/** `940`, `12.3k`, `4.56M`: at most four characters of digits. */
export function compact(value: number): string {
  const size = Math.abs(value);
  if (size < 10) return trimZero(value.toFixed(1));
  if (size < 1_000) return String(Math.round(value));
  if (size < 999_500) return `${trimZero((value / 1_000).toFixed(size < 99_950 ? 1 : 0))}k`;
  return `${trimZero((value / 1_000_000).toFixed(2))}M`;
}

/** `0.873` → `87.3 %`. Never rounds up to 100 %: a share that is told to be all must be all. */
export function percent(share: number): string {
  const tenths = Math.round(share * 1_000) / 10;
  if (share >= 1 || tenths < 99) return `${FINE.format(tenths)} %`;
  // 0.989 * 10,000 is 9,889.999…: only what is less than meant is rounded down.
  return `${trimZero((Math.floor(share * 10_000 + 1e-6) / 100).toFixed(2))} %`;
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
export function latency(latencyMs: Readonly<Record<string, number | undefined>>, key: string): string {
  return (latencyMs['max'] ?? 0) > 0 ? milliseconds(latencyMs[key] ?? 0) : '–';
}

/** `2026-11-23 19:05:48 UTC`. */
export function utcTime(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

/** A table in Markdown; its first row is the head. */
export function markdownTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  return [head, head.map(() => '-'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
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
