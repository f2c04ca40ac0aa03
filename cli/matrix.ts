/** `flashgrid matrix`: every fault of the table in an attack of its own, over several seeds. A broken-off one goes on where it ended. */
import { appendFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { MATRIX_KINDS, isMatrixRow } from '../contract/chaos.ts';
import { FailureError } from '../contract/failure.ts';
import {
  MAX_MATRIX_SEEDS,
  matrixPlanSchema,
  planCells,
  type MatrixPlan,
  type MatrixState,
} from '../contract/matrix.ts';
import {
  matrixMarkdown,
  matrixRows,
  matrixSummary,
  matrixVerdict,
  type MatrixOutcome,
  type MatrixResult,
} from '../contract/matrix-report.ts';
import { appVersion } from '../control/app-paths.ts';
import { exportMatrixHtml } from '../control/export/export-matrix-html.ts';
import { MatrixFile, fileProblem } from '../control/runs/matrix-file.ts';
import { errorText } from '../services/shared/error-text.ts';
import { UsageError, readCount, type OptionValues } from '../contract/attack-options.ts';
import { bringUp, readStart } from './bring-up.ts';
import { EXIT } from '../contract/exit-codes.ts';
import type { Output } from './output.ts';
import { Progress } from './progress.ts';
import { must, openSession, type CommandContext, type Session } from './session.ts';

const EXIT_OF: Readonly<Record<MatrixOutcome, number>> = {
  broken: EXIT.auditFailed,
  undecided: EXIT.infrastructure,
  'no effect': EXIT.invalid,
  invalid: EXIT.invalid,
  pass: EXIT.pass,
};

export async function matrix({ values, dataDir, out, outputs, interrupt }: CommandContext): Promise<number> {
  const start = readStart(values);
  const plan = readPlan(values);
  const cells = new Set(planCells(plan).map(keyOf));
  const file = new MatrixFile(await outPath(values), 0o666);
  await file.list().catch((error: unknown) => {
    throw new UsageError(
      `--out ${file.path} is no file of a matrix (${fileProblem(error)}): take another one.`,
    );
  });
  const session = await openSession(dataDir);
  try {
    const unfollow = new Progress(out).follow(session.client);
    const services = { gateways: start.gateways ?? 2, workers: start.workers ?? 3 };
    await bringUp(session, { ...start, ...services }, out, interrupt);
    unfollow();
    const { cluster } = await must(session.client, 'app.getSnapshot', {});
    const provider = cluster.provider ?? 'native';
    const own = async () =>
      (await file.list()).filter((one) => one.provider === provider && cells.has(keyOf(one)));
    await runToEnd({ session, out, interrupt, plan, file, done: await own() });
    const results = await own();
    const made = { version: appVersion(), atMs: Date.now() };
    const reports = { html: () => exportMatrixHtml(results, made), md: () => matrixMarkdown(results) };
    for (const format of ['html', 'md'] as const) {
      if (!outputs.formats.includes(format)) continue;
      const path = await outputs.write(format, reports[format]());
      if (path !== undefined) out.print(`Written: ${path}`);
    }
    out.print(
      `\n${matrixRows(results)
        .map((row) =>
          row
            .slice(0, 7)
            .map((cell, column) => cell.replaceAll('`', '').padEnd(column === 0 ? 32 : 11))
            .join(''),
        )
        .join('\n')}\n`,
    );
    for (const line of matrixSummary(results)) out.print(line);
    return EXIT_OF[matrixVerdict(results)];
  } finally {
    await session.end();
  }
}

interface Going {
  readonly session: Session;
  readonly out: Output;
  readonly interrupt: AbortSignal;
  readonly plan: MatrixPlan;
  readonly file: MatrixFile;
  /** What the file held before. */
  readonly done: readonly MatrixResult[];
}

/**
 * Lets the control centre make the attacks that are left, and keeps each result.
 * @throws FailureError when the matrix was broken off or stopped, or a result could not be kept
 */
async function runToEnd({ session, out, interrupt, plan, file, done }: Going): Promise<void> {
  const { client, lost } = session;
  const seeds: Record<string, number[]> = {};
  for (const { fault, seed } of done) (seeds[fault] ??= []).push(seed);
  let begun = 0;
  let made = 0;
  /** Results are kept one after the other. */
  let kept = Promise.resolve();
  const stop = () => void client.call('matrix.stop', {});
  const ended = new Promise<MatrixState>((settle, fail) => {
    client.on('matrix.resultAdded', ({ result }) => {
      kept = kept.then(() => file.add(result));
      kept.catch((error: unknown) => {
        stop();
        fail(notKept(file.path, error));
      });
      const { seed, args, exitCode, effect = '' } = result;
      const [, faults = result.fault] = /--fault (.*)$/.exec(args) ?? [];
      out.print(
        `${++made}/${begun}  seed ${seed}  ${faults.replaceAll('--fault ', '')}: exit ${exitCode}. ${effect}`,
        4,
      );
    });
    client.on('matrix.stateChanged', ({ matrix: state }) => {
      if (state.phase === 'running' && begun === 0) begun = state.total - state.done;
      if (state.phase === 'idle') settle(state);
    });
  });
  ended.catch(() => undefined);
  interrupt.throwIfAborted();
  interrupt.addEventListener('abort', stop);
  try {
    const started = await must(client, 'matrix.start', { plan, done: seeds });
    if (started.done > 0)
      out.print(`${started.done} of ${started.total} attacks are in ${file.path} already.`);
    if (started.impossible.length > 0)
      out.print(`Not on this cluster, whose backends others run: ${started.impossible.join(', ')}.`);
    // Pressed while it was starting: there was nothing to stop yet.
    if (interrupt.aborted) stop();
    const last = started.phase === 'idle' ? started : await Promise.race([ended, lost]);
    await kept;
    interrupt.throwIfAborted();
    if (last.failure) throw new FailureError(last.failure);
    if (last.done < last.total)
      throw new FailureError({
        code: 'attack.cancelled',
        message: `The matrix was stopped: ${last.done} of ${last.total} attacks are done.`,
        fix: 'The same command goes on with the attacks that are left.',
      });
  } finally {
    interrupt.removeEventListener('abort', stop);
  }
}

function notKept(path: string, error: unknown): FailureError {
  return new FailureError({
    code: 'cli.cantWrite',
    message: `${path} can't be written: ${errorText(error)}.`,
    fix: 'Make room on its disk. The same command goes on with the attacks that are left.',
  });
}

/** @throws UsageError that names the option */
function readPlan(values: OptionValues): MatrixPlan {
  const only = typeof values['only'] === 'string' ? values['only'].split(/[\s,]+/) : undefined;
  const unknown = only?.find((row) => !isMatrixRow(row));
  if (unknown !== undefined)
    throw new UsageError(
      `--only knows ${MATRIX_KINDS.join(', ')} and rows such as kill:worker, not "${unknown}".`,
    );
  const plan = matrixPlanSchema.safeParse({
    seeds: readCount(values, 'seeds', 1, MAX_MATRIX_SEEDS),
    firstSeed: readCount(values, 'seed', 0, 1_000_000),
    only,
    isQuick: values['quick'] === true,
    highlyAvailable: values['ha'] === true,
  });
  if (plan.success) return plan.data;
  const [issue] = plan.error.issues;
  throw new UsageError(`--${String(issue?.path[0] ?? 'seeds')} ${issue?.message ?? 'is not usable'}.`);
}

const keyOf = ({ fault, seed }: { readonly fault: string; readonly seed: number }) => `${fault} ${seed}`;

/**
 * The path of the results' file, which is there afterwards: no matrix may run for hours and then find no place.
 * @throws UsageError
 */
async function outPath(values: OptionValues): Promise<string> {
  const path = resolve(String(values['out'] ?? 'flashgrid-matrix.ndjson'));
  for (const option of ['html', 'md'])
    if (values[option] !== undefined && resolve(String(values[option])) === path)
      throw new UsageError(`--out and --${option} can't both go to ${path}.`);
  try {
    await appendFile(path, '');
    return path;
  } catch (error) {
    throw new UsageError(`--out ${path} can't be written: ${errorText(error)}.`);
  }
}
