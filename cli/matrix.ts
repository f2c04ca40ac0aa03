/** `flashgrid matrix`: every fault of the table in an attack of its own, over several seeds. A broken-off one goes on where it ended. */
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { attackSettingsSchema } from '../contract/attack-settings.ts';
import { matrixCells, type MatrixCell } from '../contract/chaos.ts';
import { FAULT_KINDS, type FaultKind } from '../contract/faults.ts';
import {
  markdownTable,
  matrixResultSchema,
  matrixRows,
  matrixSummary,
  type MatrixResult,
} from '../contract/matrix-report.ts';
import type { RunRecord } from '../contract/run-record.ts';
import { settingsAsOptions } from '../contract/run-text.ts';
import { UsageError, readCount, type OptionValues } from './args.ts';
import { bringUp, readStart } from './bring-up.ts';
import { EXIT } from './exit-codes.ts';
import { Progress } from './progress.ts';
import { runAttackToEnd } from './run-attack.ts';
import { must, openSession, type CommandContext, type Session } from './session.ts';
import { setTimeout as sleep } from 'node:timers/promises';

/** ms that the parts may take to be well again between two attacks. */
const WELL_LIMIT_MS = 120_000;
const LOOK_MS = 200;

export async function matrix({ values, dataDir, out, interrupt }: CommandContext): Promise<number> {
  const start = readStart(values);
  const cells = readCells(values);
  const path = resolve(typeof values['out'] === 'string' ? values['out'] : 'flashgrid-matrix.ndjson');
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
    const isDone = (cell: MatrixCell) =>
      before.some((one) => one.fault === cell.fault && one.seed === cell.seed && one.provider === provider);
    const left = cells.filter((cell) => !isDone(cell));
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
      cells.some(({ fault, seed }) => fault === one.fault && seed === one.seed),
    );
    const summary = matrixSummary(results);
    if (typeof values['md'] === 'string')
      await writeFile(
        resolve(values['md']),
        `${summary.join('\n')}\n\n${markdownTable(matrixRows(results))}\n`,
      );
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
  const cells = matrixCells(
    Array.from({ length: count }, (_, at) => first + at),
    only as FaultKind[] | undefined,
  );
  // One target of each kind.
  return values['quick'] === true
    ? cells.filter(
        ({ fault, seed }, at) =>
          at === cells.findIndex((one) => one.seed === seed && kindOf(one) === kindOf({ fault })),
      )
    : cells;
}

const kindOf = ({ fault }: Pick<MatrixCell, 'fault'>) => fault.slice(0, fault.indexOf(':'));

/** The results of an earlier, broken-off matrix; a line that was cut short is left out. */
async function readResults(path: string): Promise<MatrixResult[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    try {
      return [matrixResultSchema.parse(JSON.parse(line))];
    } catch {
      return [];
    }
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

/** Resolves when every part serves, so that the next fault meets a cluster that is well. */
async function whenWell({ client }: Session, interrupt: AbortSignal): Promise<void> {
  const deadlineMs = performance.now() + WELL_LIMIT_MS;
  while (performance.now() < deadlineMs) {
    interrupt.throwIfAborted();
    const { cluster, services } = await must(client, 'app.getSnapshot', {});
    if ([...cluster.backends, ...services].every(({ state }) => state === 'running')) return;
    await sleep(LOOK_MS);
  }
}
