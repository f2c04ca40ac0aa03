/** `flashgrid compare A B`, and `flashgrid baseline`: runs against runs. */
import {
  areEnough,
  BASELINE,
  COMPARISON_FORMATS,
  compareRuns,
  FEWEST_RUNS,
  regressionOf,
  type Comparison,
} from '../contract/comparison.ts';
import { plural } from '../contract/format.ts';
import type { ControlClient } from '../contract/contract.ts';
import type { RunRecord } from '../contract/run-record.ts';
import { titleOf } from '../contract/run-text.ts';
import { exportComparison, formatComparison } from '../control/export/export-comparison.ts';
import { commandLine } from '../control/lib/command-line.ts';
import { UsageError } from '../contract/attack-options.ts';
import { BaselineFile } from '../control/runs/baseline-file.ts';
import { EXIT } from '../contract/exit-codes.ts';
import { namedRuns, needHistory } from './named-runs.ts';
import { briefly, openSession, type CommandContext } from './session.ts';

/** Runs what needs the kept runs, with a control centre if they are asked for at all. */
async function withHistory(
  names: readonly string[],
  { dataDir, interrupt }: CommandContext,
  work: (client: ControlClient | undefined) => Promise<number>,
): Promise<number> {
  if (!names.some(needHistory)) return await work(undefined);
  return await briefly(await openSession(dataDir), interrupt, work);
}

export async function compare(context: CommandContext): Promise<number> {
  const { positionals, version, out, outputs } = context;
  const [a, b, ...more] = positionals;
  if (a === undefined || b === undefined || more.length > 0)
    throw new UsageError(
      'Give two sides, A and B: each the id of a run or of a group, `last`, `baseline`, or a file that --json wrote; several with commas.',
    );
  return await withHistory([a, b], context, async (client) => {
    const of = async (name: string) => ({ name, records: await namedRuns(name, context, client) });
    const comparison = compareRuns(await of(a), await of(b));
    out.raw(`${formatComparison(comparison, out.width)}\n`);
    for (const format of COMPARISON_FORMATS) {
      if (!outputs.formats.includes(format)) continue;
      const path = await outputs.write(format, exportComparison(comparison, format, version).text);
      if (path !== undefined) out.print(`Written: ${path}`);
    }
    return EXIT.pass;
  });
}

export async function baseline(context: CommandContext): Promise<number> {
  const { positionals, dataDir, version, out } = context;
  const [word, name, ...more] = positionals;
  if ((word !== undefined && word !== 'set') || (word === 'set' && name === undefined) || more.length > 0)
    throw new UsageError('Write `baseline set RUN`, or `baseline` alone to see it.');
  return await withHistory([name ?? BASELINE], context, async (client) => {
    const records = await namedRuns(name ?? BASELINE, context, client);
    if (name !== undefined) new BaselineFile(dataDir, version).write(records);
    const titles = [...new Set(records.map(({ attack }) => titleOf(attack)))].join(' and ');
    out.print(
      `The baseline is ${plural(records.length, 'run')}: ${titles}, from ${records[0]?.startedAt ?? ''}.`,
    );
    if (!areEnough(records.length, records.length))
      out.print(
        `That is too few to tell a change from noise: make ${FEWEST_RUNS} or more with \`${commandLine('attack --repeat 10')}\`.`,
      );
    return EXIT.pass;
  });
}

/**
 * What `--against` names, before the attack.
 * @throws UsageError when it is not there, or so many runs could never tell
 */
export async function readAgainst(
  against: string,
  runs: number,
  place: Pick<CommandContext, 'dataDir' | 'version'>,
  client: ControlClient,
): Promise<RunRecord[]> {
  const records = await namedRuns(against, place, client);
  const sound = compareRuns({ name: against, records }, { name: '', records: [] }).a.runs.length;
  if (!areEnough(sound, runs))
    throw new UsageError(
      `--against ${against}: ${plural(sound, 'run')} there and ${plural(runs, 'run')} now are too few to tell a regression from noise. ${FEWEST_RUNS} or more of each can: --repeat 10.`,
    );
  return records;
}

/** Compares the runs with the baseline, prints it, and gives the exit code: 4 on a regression, 5 when it can't tell. */
export function judgeAgainst(
  against: { readonly name: string; readonly records: readonly RunRecord[] },
  records: readonly RunRecord[],
  { out }: Pick<CommandContext, 'out'>,
): number {
  const comparison: Comparison = compareRuns(against, { name: 'these runs', records });
  out.raw(`\n${formatComparison(comparison, out.width)}\n\n`);
  const { worse, exitCode } = regressionOf(comparison);
  for (const sentence of worse) out.print(`✗ Regression against ${against.name}: ${sentence}`, 2);
  return exitCode;
}
