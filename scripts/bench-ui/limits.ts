/** The limits of the window's metrics, and whether a metric keeps its limit. */

export const LIMITS = {
  firstPaintMs: { unit: 'ms', atMost: 1_000 },
  scriptKb: { unit: 'kB', atMost: 400 },
  longestTaskMs: { unit: 'ms', atMost: 50 },
  /** One frame in sixty may come late: the clock of the screen and that of the page are not one. */
  framesPerSec: { unit: '/s', atLeast: 59 },
  /** Slope of the readings. A page that keeps all that it gets would grow by megabytes a minute. */
  heapKbPerMin: { unit: 'kB/min', atMost: 200 },
  nodesPerMin: { unit: '/min', atMost: 50 },
} as const satisfies Record<string, { unit: string; atMost: number } | { unit: string; atLeast: number }>;

export interface Metric {
  /** Which of the two it was measured on. */
  readonly on: 'app' | 'replay';
  readonly title: string;
  readonly value: number;
  readonly shown: string;
  readonly limit?: string;
  /** Missing: no limit. */
  readonly isMet?: boolean;
  /** What explains it. */
  readonly notes?: readonly string[];
}

const show = (value: number): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: Math.abs(value) < 100 ? 1 : 0 });

export const mb = (bytes: number): string => `${show(bytes / 1e6)} MB`;

/** A metric with a limit. */
export function judge(
  on: Metric['on'],
  title: string,
  value: number,
  name: keyof typeof LIMITS,
  notes: readonly string[] = [],
): Metric {
  const limit = LIMITS[name];
  const isUpper = 'atMost' in limit;
  return {
    on,
    title,
    value,
    // The browser tells only tasks over 50 ms.
    shown: name === 'longestTaskMs' && value === 0 ? 'none over 50 ms' : `${show(value)} ${limit.unit}`,
    limit: isUpper ? `≤ ${show(limit.atMost)} ${limit.unit}` : `≥ ${show(limit.atLeast)} ${limit.unit}`,
    isMet: isUpper ? value <= limit.atMost : value >= limit.atLeast,
    ...(notes.length > 0 ? { notes } : {}),
  };
}

/** A metric without a limit. */
export function report(on: Metric['on'], title: string, value: number, shown = show(value)): Metric {
  return { on, title, value, shown };
}

export function formatTable(metrics: readonly Metric[]): string {
  const rows = [
    ['', 'on', 'metric', 'measured', 'promised'],
    ...metrics.map(({ on, title, shown, limit = '', isMet }) => [
      isMet === undefined ? ' ' : isMet ? '✓' : '✗',
      on,
      title,
      shown,
      limit,
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  const notes = metrics.flatMap(({ on, title, notes: said = [] }) =>
    said.map((note) => `  ${on}, ${title}: ${note}`),
  );
  return [...lines, ...notes].map((line) => line.trimEnd()).join('\n');
}
