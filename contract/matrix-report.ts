/** What a matrix of faults came to: fault × verdict × rare paths, for every frontend and export. */
import { z } from 'zod';
import { RARE_PATHS } from '../services/shared/rare-paths.ts';
import { mergeCoverages, coverageRows } from './coverage.ts';
import { markdownTable, plural, whole } from './format.ts';

/** One attack of the matrix, as its file keeps it: one line of JSON each. */
export const matrixResultSchema = z.object({
  fault: z.string(),
  seed: z.number(),
  provider: z.string(),
  /** The terminal's options that repeat the cell. */
  args: z.string(),
  runId: z.string(),
  exitCode: z.number(),
  hadEffect: z.boolean(),
  /** What its faults did; missing in files of earlier versions. */
  effect: z.string().optional(),
  /** Checks that are broken; empty when every promise held. */
  broken: z.array(z.string()),
  reasons: z.array(z.string()),
  oversold: z.number(),
  undersold: z.number(),
  lost: z.number(),
  duplicated: z.number(),
  pending: z.number(),
  unknown: z.number(),
  requests: z.number(),
  /** The longest time in which no request was accepted; missing in files of earlier versions. */
  withoutServiceMs: z.number().optional(),
  coverage: z.record(z.string(), z.number()),
});
export type MatrixResult = z.infer<typeof matrixResultSchema>;

const count = z.number().int().nonnegative();

/** What became of the attacks of one fault. */
export const matrixRowSchema = z.object({
  fault: z.string(),
  attacks: count,
  requests: count,
  pass: count,
  noEffect: count,
  undecided: count,
  broken: count,
  oversold: count,
  undersold: count,
  lost: count,
  duplicated: count,
  coverage: z.record(z.string(), count),
});
export type MatrixRow = z.infer<typeof matrixRowSchema>;

/** What one attack, or all of them, came to; the worst one first. */
export const MATRIX_OUTCOMES = {
  broken: 'a promise was broken',
  undecided: 'something stayed undecided',
  'no effect': 'a fault had no effect, so that nothing was put to the test',
  invalid: 'the attack proved nothing',
  pass: 'every promise held, and each fault had its effect',
} as const;
export type MatrixOutcome = keyof typeof MATRIX_OUTCOMES;

export function outcomeOf({ broken, exitCode, hadEffect }: MatrixResult): MatrixOutcome {
  if (broken.length > 0) return 'broken';
  if (exitCode === 6) return 'undecided';
  if (!hadEffect) return 'no effect';
  return exitCode === 0 ? 'pass' : 'invalid';
}

/** The worst outcome of all; a matrix without an attack proves nothing. */
export function matrixVerdict(results: readonly MatrixResult[]): MatrixOutcome {
  if (results.length === 0) return 'invalid';
  const found = new Set(results.map(outcomeOf));
  return (Object.keys(MATRIX_OUTCOMES) as MatrixOutcome[]).find((outcome) => found.has(outcome)) ?? 'pass';
}

const sum = (
  results: readonly MatrixResult[],
  field: 'requests' | 'oversold' | 'undersold' | 'lost' | 'duplicated' | 'pending' | 'unknown',
) => results.reduce((total, result) => total + result[field], 0);

/** One row for each fault, in the order in which they came. */
export function rowsOf(results: readonly MatrixResult[]): MatrixRow[] {
  const byFault = new Map<string, MatrixResult[]>();
  for (const result of results) {
    const own = byFault.get(result.fault);
    if (own) own.push(result);
    else byFault.set(result.fault, [result]);
  }
  return [...byFault].map(([fault, own]) => {
    const many = (is: (result: MatrixResult) => boolean) => own.filter(is).length;
    return {
      fault,
      attacks: own.length,
      requests: sum(own, 'requests'),
      pass: many(({ exitCode }) => exitCode === 0),
      noEffect: many(({ hadEffect }) => !hadEffect),
      undecided: many(({ exitCode }) => exitCode === 6),
      broken: many(({ broken }) => broken.length > 0),
      oversold: sum(own, 'oversold'),
      undersold: sum(own, 'undersold'),
      lost: sum(own, 'lost'),
      duplicated: sum(own, 'duplicated'),
      coverage: mergeCoverages(own.map(({ coverage }) => coverage)).taken,
    };
  });
}

/** Rare paths that a row names; the rest is in its attacks. */
const NAMED_PATHS = 3;

/** The rare paths that were taken most, in a few words. */
export function pathsText(coverage: MatrixRow['coverage'], most = NAMED_PATHS): string {
  return coverageRows(coverage)
    .slice(0, most)
    .map(([title, times]) => `${title} (${times})`)
    .join(', ');
}

/** The columns of counts, for every table of the matrix. */
export const MATRIX_COLUMNS = [
  ['attacks', 'attacks'],
  ['requests', 'requests'],
  ['pass', 'pass'],
  ['noEffect', 'no effect'],
  ['undecided', 'undecided'],
  ['broken', 'broken'],
  ['oversold', 'oversold'],
  ['undersold', 'undersold'],
  ['lost', 'lost'],
  ['duplicated', 'doubled'],
] as const satisfies readonly (readonly [keyof MatrixRow, string])[];

const kindOf = ({ fault }: { readonly fault: string }) => fault.slice(0, fault.indexOf(':'));

/**
 * The table as text, for terminal and Markdown; the heading first.
 * @param isByKind one row for each kind of fault, with how many seeds and targets it had
 */
export function matrixRows(
  results: readonly MatrixResult[],
  isByKind = false,
): readonly (readonly string[])[] {
  const rows = rowsOf(isByKind ? results.map((one) => ({ ...one, fault: kindOf(one) })) : results);
  const differentOf = (kind: string, field: 'seed' | 'fault') =>
    whole(new Set(results.filter((one) => kindOf(one) === kind).map((one) => one[field])).size);
  return [
    [
      'fault',
      ...(isByKind ? ['seeds', 'targets'] : []),
      ...MATRIX_COLUMNS.map(([, title]) => title),
      'rare paths',
    ],
    ...rows.map((row) => [
      `\`${row.fault}\``,
      ...(isByKind ? [differentOf(row.fault, 'seed'), differentOf(row.fault, 'fault')] : []),
      ...MATRIX_COLUMNS.map(([field]) => whole(row[field])),
      pathsText(row.coverage),
    ]),
  ];
}

/** Summary and tables in Markdown. */
export function matrixMarkdown(results: readonly MatrixResult[]): string {
  const tables = [matrixRows(results, true), matrixRows(results)].map(markdownTable);
  return `${[matrixSummary(results).join('\n'), ...tables].join('\n\n')}\n`;
}

/** Attacks that a sentence names by their faults; more are counted. */
const NAMED_ATTACKS = 8;

function named(results: readonly MatrixResult[]): string {
  const names = results.slice(0, NAMED_ATTACKS).map(({ fault, seed }) => `${fault} (seed ${seed})`);
  const more = results.length - names.length;
  return `${names.join(', ')}${more > 0 ? ` and ${whole(more)} more` : ''}`;
}

/** The matrix in a few sentences, for a reader who finds each attack below them. */
export function matrixSentences(results: readonly MatrixResult[]): string[] {
  const of = (outcome: MatrixOutcome) => results.filter((result) => outcomeOf(result) === outcome);
  const failed = [
    ['broken', 'A promise was broken by'],
    ['undecided', 'Undecided'],
    ['no effect', 'Without effect'],
    ['invalid', 'Proved nothing'],
  ] as const;
  return [
    ...totalsOf(results),
    ...(of('broken').length === 0 ? ['No promise was broken.'] : []),
    ...failed.flatMap(([outcome, words]) => {
      const own = of(outcome);
      return own.length === 0 ? [] : [`${words}: ${named(own)}.`];
    }),
  ];
}

function totalsOf(results: readonly MatrixResult[]): [string, string] {
  return [
    `${plural(results.length, 'attack')} with ${whole(sum(results, 'requests'))} requests: ${whole(sum(results, 'oversold'))} oversold, ${whole(sum(results, 'undersold'))} undersold, ${whole(sum(results, 'lost'))} lost, ${whole(sum(results, 'duplicated'))} doubled, ${whole(sum(results, 'pending'))} undecided.`,
    `${whole(sum(results, 'unknown'))} requests had no clear answer; each audit found what became of them.`,
  ];
}

/** The matrix in a few sentences, with the options that repeat what did not pass. */
export function matrixSummary(results: readonly MatrixResult[]): string[] {
  const broken = results.filter((result) => result.broken.length > 0);
  const idle = results.filter(({ hadEffect }) => !hadEffect);
  const open = results.filter(({ exitCode }) => exitCode === 6);
  const { never } = mergeCoverages(results.map(({ coverage }) => coverage));
  return [
    ...totalsOf(results),
    broken.length === 0
      ? 'No promise was broken.'
      : `Broken in ${plural(broken.length, 'attack')}: ${broken.map(({ args }) => args).join('; ')}.`,
    ...(open.length === 0
      ? []
      : [`Undecided: ${open.map(({ args, reasons }) => `${args} (${reasons.join(' ')})`).join('; ')}.`]),
    ...(idle.length === 0 ? [] : [`Without effect: ${idle.map(({ args }) => args).join('; ')}.`]),
    never.length === 0
      ? 'Every rare path of the engine was taken.'
      : `Rare paths that no attack took: ${never.map((path) => RARE_PATHS[path].title).join(', ')}.`,
  ];
}
