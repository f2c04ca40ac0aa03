/** `flashgrid matrix`: every fault of the table in an attack of its own, over several seeds. A broken-off one goes on where it ended. */
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { attackSettingsSchema } from '../contract/attack-settings.ts';
import { matrixCells, type MatrixCell } from '../contract/chaos.ts';
import { FAULT_KINDS, type FaultKind } from '../contract/faults.ts';
import { markdownTable } from '../contract/format.ts';
import { FailureError } from '../contract/failure.ts';
import {
  matrixResultSchema,
  matrixRows,
  matrixSummary,
  type MatrixResult,
} from '../contract/matrix-report.ts';
import { parseJson } from '../services/shared/parse-json.ts';
import { errorText } from '../services/shared/error-text.ts';
import type { RunRecord } from '../contract/run-record.ts';
import { settingsAsOptions } from '../contract/run-text.ts';
import { UsageError, readCount, type OptionValues } from './args.ts';
import { bringUp, readStart } from './bring-up.ts';
import { EXIT } from './exit-codes.ts';
import { Progress } from './progress.ts';
import { runAttackToEnd } from './run-attack.ts';
import { must, openSession, type CommandContext, type Session } from './session.ts';

/** ms that the parts may take to be well again between two attacks. */
const WELL_LIMIT_MS = 120_000;
const LOOK_MS = 200;

export async function matrix({ values, dataDir, out, interrupt }: CommandContext): Promise<number> {
  const start = readStart(values);
  const cells = readCells(values);
  const path = await writable('out', values['out'] ?? 'flashgrid-matrix.ndjson');
  const mdPath = values['md'] === undefined ? undefined : await writable('md', values['md']);
  await readResults(path);
  const session = await openSession(dataDir);
  const progress = new Progress(out);
  try {
    const unfollow = progress.follow(session.client);
    await bringUp(
      session,
      { ...start, gateways: start.gateways ?? 2, workers: start.workers ?? 2 },
      out,
      interrupt,
    );
    unfollow();
    const { cluster } = await must(session.client, 'app.getSnapshot', {});
    const provider = cluster.provider ?? 'native';
    const before = await readResults(path);
    const left = cells.filter((cell) => !before.some((one) => isOf(cell, one, provider)));
    if (left.length < cells.length)
      out.print(`${cells.length - left.length} of ${cells.length} attacks are in ${path} already.`);
    for (const [at, cell] of left.entries()) {
      interrupt.throwIfAborted();
      await whenWell(session, interrupt);
      const record = await runAttackToEnd(session, attackSettingsSchema.parse(cell.settings), interrupt);
      // An attack that was cancelled says nothing about its fault.
      interrupt.throwIfAborted();
      const result = resultOf(cell, record, provider);
      await appendFile(path, `${JSON.stringify(result)}\n`);
      const effect = record.faults?.map((fault) => fault.effect).join(' ') ?? '';
      out.print(
        `${at + 1}/${left.length}  seed ${cell.seed}  ${cell.settings.faults}: exit ${record.exitCode}. ${effect}`,
        4,
      );
    }
    const results = (await readResults(path)).filter((one) =>
      cells.some((cell) => isOf(cell, one, provider)),
    );
    const summary = matrixSummary(results);
    if (mdPath !== undefined)
      await writeFile(mdPath, `${summary.join('\n')}\n\n${markdownTable(matrixRows(results))}\n`);
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
    for (const line of summary) out.print(line);
    if (results.some(({ broken }) => broken.length > 0)) return EXIT.auditFailed;
    if (results.some(({ exitCode }) => exitCode === EXIT.infrastructure)) return EXIT.infrastructure;
    return results.some(({ hadEffect }) => !hadEffect) ? EXIT.invalid : EXIT.pass;
  } finally {
    await session.end();
  }
}

/** @throws UsageError that names the option */
function readCells(values: OptionValues): MatrixCell[] {
  const count = readCount(values, 'seeds', 1, 1_000) ?? 1;
  const first = readCount(values, 'seed', 0, 1_000_000) ?? 1;
  const only = typeof values['only'] === 'string' ? values['only'].split(/[\s,]+/) : undefined;
  const unknown = only?.find((kind) => !FAULT_KINDS.includes(kind as FaultKind));
  if (unknown !== undefined)
    throw new UsageError(`--only knows ${FAULT_KINDS.join(', ')}, not "${unknown}".`);
  return matrixCells(
    Array.from({ length: count }, (_, at) => first + at),
    only as FaultKind[] | undefined,
    values['quick'] === true,
  );
}

const isOf = (cell: MatrixCell, result: MatrixResult, provider: string) =>
  result.fault === cell.fault && result.seed === cell.seed && result.provider === provider;

/**
 * The path of an option's file, which is there afterwards: no matrix may run for hours and then find no place.
 * @throws UsageError
 */
async function writable(option: string, value: string | boolean): Promise<string> {
  const path = resolve(String(value));
  try {
    await appendFile(path, '');
    return path;
  } catch (error) {
    throw new UsageError(`--${option} ${path} can't be written: ${errorText(error)}.`);
  }
}

/**
 * The results of an earlier, broken-off matrix; a last line that was cut short is left out.
 * @throws UsageError for a file that holds something else
 */
async function readResults(path: string): Promise<MatrixResult[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.flatMap((line, at) => {
    const result = parseJson(line, matrixResultSchema);
    if (result) return [result];
    if (at === lines.length - 1 && at > 0) return [];
    throw new UsageError(`--out ${path} is no file of a matrix: take another one.`);
  });
}

function resultOf({ fault, seed, settings }: MatrixCell, record: RunRecord, provider: string): MatrixResult {
  const { audit, load, faults = [] } = record;
  const { oversold, undersold, lost, duplicated, pending } = audit;
  return {
    fault,
    seed,
    provider,
    args: settingsAsOptions(attackSettingsSchema.parse(settings)),
    runId: record.id,
    exitCode: record.exitCode,
    hadEffect: faults.length > 0 && faults.every((one) => one.hadEffect),
    broken: audit.checks.filter(({ ok, isOpen }) => !ok && isOpen !== true).map(({ id }) => id),
    reasons: record.reasons,
    ...{ oversold, undersold, lost, duplicated, pending },
    unknown: load.unknown,
    requests: load.sent,
    coverage: record.coverage ?? {},
  };
}

/**
 * Resolves when every part serves, so that the next fault meets a cluster that is well.
 * @throws FailureError `cluster.backendDown` when it does not get well
 */
async function whenWell({ client }: Session, interrupt: AbortSignal): Promise<void> {
  const deadlineMs = performance.now() + WELL_LIMIT_MS;
  for (;;) {
    interrupt.throwIfAborted();
    const { cluster, services } = await must(client, 'app.getSnapshot', {});
    const sick = [...cluster.backends.map(({ role, state }) => ({ id: role, state })), ...services].filter(
      ({ state }) => state !== 'running',
    );
    if (sick.length === 0) return;
    if (performance.now() > deadlineMs)
      throw new FailureError({
        code: 'cluster.backendDown',
        message: `The cluster did not get well within ${WELL_LIMIT_MS / 1_000} s: ${sick.map(({ id, state }) => `${id} is ${state}`).join(', ')}.`,
        fix: 'Look at the logs of those parts. The same command goes on with the attacks that are left.',
      });
    await sleep(LOOK_MS);
  }
}
