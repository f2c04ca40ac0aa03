/**
 * `npm run guards -- --seeds 5`: the model's counterexamples as cells of `flashgrid matrix`, on the app as it ships and on a build without
 * the guard that each needs. Notes what held and what broke in docs/guards.json, from which `npm run docs` makes the table of docs/guards.md;
 * ends with 1 when a cell broke with all guards, or none of its seeds without its own.
 */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { CHECK_IDS } from '../../contract/checks.ts';
import { matrixResultSchema, type MatrixResult } from '../../contract/matrix-report.ts';
import { guardRunsSchema, type GuardRun, type GuardRuns } from '../support/guard-runs.ts';
import { matrixGuards, type MatrixGuard } from '../support/guards.ts';
import { CLI, runFlashgrid, temporaryDataDir } from '../support/terminal.ts';
import { buildUnguarded } from '../support/unguarded-build.ts';

const NOTES = join(import.meta.dirname, '../../docs/guards.json');

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    /** Ids of guards, separated by commas. */
    only: { type: 'string' },
    /** Leaves out the app as it ships. */
    'without-only': { type: 'boolean', default: false },
  },
});
const known = matrixGuards();
const ids = values.only?.split(',') ?? known.map(({ id }) => id);
const stranger = ids.find((id) => !known.some((guard) => guard.id === id));
if (stranger !== undefined) {
  process.stderr.write(`--only knows ${known.map(({ id }) => id).join(', ')}, not "${stranger}".\n`);
  process.exit(2);
}
const guards = known.filter(({ id }) => ids.includes(id));

/** Runs the cells on one build of the app, on a cluster of its own. */
async function runCells(cli: string, cells: readonly MatrixGuard[]): Promise<MatrixResult[]> {
  const { path: dataDir, remove } = await temporaryDataDir();
  // The control centre has a `matrix.ndjson` of its own there.
  const out = join(dataDir, 'cells.ndjson');
  try {
    const rows = cells.map(({ model }) => `model:${model}`).join(',');
    const args = ['--only', rows, '--seeds', values.seeds, '--seed', values.seed, '--out', out];
    const run = runFlashgrid(cli, dataDir, 'matrix', '--provider', 'native', ...args);
    await run.ended();
    const lines = existsSync(out)
      ? (await readFile(out, 'utf8')).split('\n').filter((line) => line !== '')
      : [];
    if (lines.length !== cells.length * Number(values.seeds)) throw new Error(run.output());
    return lines.map((line) => matrixResultSchema.parse(JSON.parse(line)));
  } finally {
    await runFlashgrid(cli, dataDir, 'down', '--reset').ended();
    await remove();
  }
}

/** What its cell came to. An attack whose fault had no effect counts neither way. */
function sumUp(results: readonly MatrixResult[]): GuardRun {
  const isBroken = ({ broken }: MatrixResult) => broken.length > 0;
  const broken = results.filter(isBroken);
  return {
    attacks: results.length,
    held: results.filter(({ exitCode }) => exitCode === 0).length,
    broken: broken.length,
    ...(broken.length === 0 ? {} : { seedsUntilBroken: results.findIndex(isBroken) + 1 }),
    checks: CHECK_IDS.filter((id) => broken.some((result) => result.broken.includes(id))),
  };
}

const notes: GuardRuns = existsSync(NOTES)
  ? guardRunsSchema.parse(JSON.parse(await readFile(NOTES, 'utf8')))
  : {};
let isWrong = false;
async function note(guard: MatrixGuard, which: 'with' | 'without', results: readonly MatrixResult[]) {
  const run = sumUp(results);
  notes[guard.model] = { ...notes[guard.model], [which]: run };
  await writeFile(NOTES, `${JSON.stringify(notes, null, 2)}\n`);
  if (which === 'with' ? run.broken > 0 : run.broken === 0) isWrong = true;
  const others = results.filter(({ exitCode, broken }) => exitCode !== 0 && broken.length === 0);
  process.stdout.write(
    `${which.padEnd(8)} ${guard.id}: ${run.held} of ${run.attacks} held, ${run.broken} broke ${run.checks.join(', ')}\n` +
      others
        .map(({ seed, exitCode, reasons }) => `    seed ${seed}: exit ${exitCode} ${reasons.join(' ')}\n`)
        .join(''),
  );
}

if (!values['without-only']) {
  const results = await runCells(CLI, guards);
  for (const guard of guards)
    await note(
      guard,
      'with',
      results.filter(({ fault }) => fault === `model:${guard.model}`),
    );
}
for (const guard of guards) {
  const build = await buildUnguarded(`app-${guard.id}`, { ...guard, isApp: true });
  try {
    await note(guard, 'without', await runCells(build.cli, [guard]));
  } finally {
    build.remove();
  }
}
process.exitCode = isWrong ? 1 : 0;
