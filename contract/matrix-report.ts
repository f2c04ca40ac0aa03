/** What a matrix of faults came to, as a table for terminal and docs. */
import { z } from 'zod';
import { RARE_PATHS } from '../services/shared/rare-paths.ts';
import { mergeCoverages, coverageRows } from './coverage.ts';
import { plural, whole } from './format.ts';

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
  coverage: z.record(z.string(), z.number()),
});
export type MatrixResult = z.infer<typeof matrixResultSchema>;

type Rows = readonly (readonly string[])[];

const sum = (
  results: readonly MatrixResult[],
  field: 'requests' | 'oversold' | 'undersold' | 'lost' | 'duplicated' | 'pending' | 'unknown',
) => results.reduce((total, result) => total + result[field], 0);

/** Fault × what became of its attacks, one row a fault; the heading first. */
export function matrixRows(results: readonly MatrixResult[]): Rows {
  const faults = [...new Set(results.map(({ fault }) => fault))];
  return [
    [
      'fault',
      'attacks',
      'requests',
      'pass',
      'no effect',
      'undecided',
      'broken',
      'oversold',
      'undersold',
      'lost',
      'doubled',
      'rare paths',
    ],
    ...faults.map((fault) => {
      const own = results.filter((result) => result.fault === fault);
      const count = (is: (result: MatrixResult) => boolean) => whole(own.filter(is).length);
      const paths = coverageRows(mergeCoverages(own.map(({ coverage }) => coverage)).taken);
      return [
        `\`${fault}\``,
        whole(own.length),
        whole(sum(own, 'requests')),
        count(({ exitCode }) => exitCode === 0),
        count(({ hadEffect }) => !hadEffect),
        count(({ exitCode }) => exitCode === 6),
        count(({ broken }) => broken.length > 0),
        ...(['oversold', 'undersold', 'lost', 'duplicated'] as const).map((field) => whole(sum(own, field))),
        paths
          .slice(0, 3)
          .map(([title, times]) => `${title} (${times})`)
          .join(', '),
      ];
    }),
  ];
}

/** The matrix in a few sentences. */
export function matrixSummary(results: readonly MatrixResult[]): string[] {
  const broken = results.filter((result) => result.broken.length > 0);
  const idle = results.filter(({ hadEffect }) => !hadEffect);
  const open = results.filter(({ exitCode }) => exitCode === 6);
  const { never } = mergeCoverages(results.map(({ coverage }) => coverage));
  return [
    `${plural(results.length, 'attack')} with ${whole(sum(results, 'requests'))} requests: ${whole(sum(results, 'oversold'))} oversold, ${whole(sum(results, 'undersold'))} undersold, ${whole(sum(results, 'lost'))} lost, ${whole(sum(results, 'duplicated'))} doubled, ${whole(sum(results, 'pending'))} undecided.`,
    `${whole(sum(results, 'unknown'))} requests had no clear answer; each audit found what became of them.`,
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
