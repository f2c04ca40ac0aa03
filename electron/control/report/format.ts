/** Figures as people read them. English throughout, so that a report reads the same on every machine. */

const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const FINE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

/** `12345.6` → `12,346`. */
export function whole(value: number): string {
  return WHOLE.format(value);
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

/** `8589934592` → `8 GiB`. */
export function gibibytes(bytes: number): string {
  return `${FINE.format(bytes / 1024 ** 3)} GiB`;
}

/** `2026-11-23 19:05:48 UTC`. */
export function utcTime(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}
