/**
 * The crash matrix: every fault of a plan in an attack of its own, one after the other. Results are kept after each
 * attack, so that a matrix that was stopped, or broken off, goes on where it ended.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { attackSettingsSchema } from '../contract/attack-settings.ts';
import type { Provider } from '../contract/backends.ts';
import type { MatrixCell } from '../contract/chaos.ts';
import { mergeCoverages } from '../contract/coverage.ts';
import type { ExportedFile } from '../contract/export-formats.ts';
import { checkState } from '../contract/checks.ts';
import { FailureError, type Failure } from '../contract/failure.ts';
import {
  MATRIX_EXPORTS,
  MAX_MATRIX_CELLS,
  planCells,
  type MatrixAttack,
  type MatrixFormat,
  type MatrixPlan,
  type MatrixState,
  type MatrixTable,
} from '../contract/matrix.ts';
import { matrixMarkdown, matrixSentences, rowsOf, type MatrixResult } from '../contract/matrix-report.ts';
import type { RunRecord } from '../contract/run-record.ts';
import { settingsAsOptions } from '../contract/attack-options.ts';
import type { ClusterState, LogLine, ServiceState } from '../contract/state.ts';
import { RARE_PATHS } from '../services/shared/rare-paths.ts';
import { SLO_METRICS } from '../contract/slo.ts';
import { AttackSeries } from './attack-series.ts';
import type { Attacks } from './attacks.ts';
import { exportMatrixHtml } from './export/export-matrix-html.ts';
import { commandLine } from './lib/command-line.ts';
import { MatrixFileError, fileProblem, type MatrixFile } from './runs/matrix-file.ts';

/** ms that the parts may take to be well again between two attacks. */
const WELL_LIMIT_MS = 120_000;
const LOOK_MS = 200;

export interface MatrixOptions {
  readonly version: string;
  readonly attacks: Pick<Attacks, 'launch' | 'cancel' | 'whenOver' | 'canMake' | 'refuseWhileActive'>;
  readonly file: MatrixFile;
  cluster(): ClusterState;
  services(): readonly ServiceState[];
  getRun(id: string): Promise<RunRecord>;
  onState(state: MatrixState): void;
  onResult(result: MatrixResult): void;
  onLog(line: LogLine): void;
}

type Choice = { readonly provider?: Provider | undefined };

export class Matrix extends AttackSeries<MatrixState, MatrixOptions> {
  constructor(options: MatrixOptions) {
    super('the crash matrix', options, { phase: 'idle', total: 0, done: 0, impossible: [], version: 0 });
  }

  protected override busy(): FailureError {
    const { done, total } = this.state;
    return new FailureError({
      code: 'matrix.busy',
      message: `The crash matrix is running: ${done} of ${total} attacks are done.`,
      fix: `Wait for its end, or stop it on the Matrix page (or with \`${commandLine('down')}\`, which ends all); it goes on later where it ended.`,
    });
  }

  /**
   * Begins the attacks of a plan that are not done yet, and returns at once.
   * @param done seeds by fault; those whose results are kept by default
   * @throws FailureError `matrix.busy`, `attack.busy`, `cluster.notRunning`, or what is wrong with the kept results
   */
  async start(plan: MatrixPlan, done?: Readonly<Record<string, readonly number[]>>): Promise<MatrixState> {
    const { attacks, cluster, file } = this.options;
    this.refuseWhileRunning();
    attacks.refuseWhileActive();
    const cells = planCells(plan);
    const asked = new Map(cells.map(({ fault, settings }) => [fault, settings.faults]));
    const impossible = [...asked].flatMap(([fault, faults]) => (attacks.canMake(faults) ? [] : [fault]));
    const possible = cells.filter(({ fault }) => !impossible.includes(fault));
    const provider = cluster().provider ?? 'native';
    const isDone = await this.#kept(async () => {
      const kept = new Set((await file.list()).filter((one) => one.provider === provider).map(cellKey));
      const given =
        done &&
        new Set(
          Object.entries(done).flatMap(([fault, seeds]) => seeds.map((seed) => cellKey({ fault, seed }))),
        );
      return (cell: MatrixCell) => (given ?? kept).has(cellKey(cell));
    });
    const left = possible.filter((cell) => !isDone(cell));
    const ofPlan = new Set(possible.map(cellKey));
    await this.#kept(() =>
      file.drop(
        MAX_MATRIX_CELLS - possible.length,
        (one) => one.provider === provider && ofPlan.has(cellKey(one)),
      ),
    );
    // Something else may have begun while the file was read.
    this.refuseWhileRunning();
    attacks.refuseWhileActive();
    const state: MatrixState = {
      ...this.#idle(),
      plan,
      provider,
      total: possible.length,
      done: possible.length - left.length,
      impossible,
    };
    if (left.length === 0) {
      this.replace(state);
      return state;
    }
    this.#log('info', `the crash matrix begins: ${left.length} of ${possible.length} attacks are left`);
    return this.begin(state, (signal) => this.#attackAll(left, provider, signal));
  }

  async table(choice: Choice): Promise<MatrixTable> {
    const all = await this.#kept(() => this.options.file.list());
    const results = chosen(all, choice);
    const { taken, never } = mergeCoverages(results.map(({ coverage }) => coverage));
    return {
      providers: [...new Set(all.map(({ provider }) => provider))],
      attacks: results.length,
      summary: matrixSentences(results),
      rows: rowsOf(results),
      coverage: taken,
      never: never.map((path) => RARE_PATHS[path].title),
    };
  }

  async listAttacks({ fault, ...choice }: Choice & { readonly fault: string }): Promise<MatrixAttack[]> {
    const results = chosen(await this.#kept(() => this.options.file.list()), choice);
    return results
      .filter((one) => one.fault === fault)
      .sort((one, other) => one.seed - other.seed)
      .map((one) => ({ ...one, command: commandLine(`attack ${one.args}`) }));
  }

  async export({ format, ...choice }: Choice & { readonly format: MatrixFormat }): Promise<ExportedFile> {
    const results = chosen(await this.#kept(() => this.options.file.list()), choice);
    const text = {
      html: () => exportMatrixHtml(results, { version: this.options.version, atMs: Date.now() }),
      md: () => matrixMarkdown(results),
      ndjson: () => results.map((one) => `${JSON.stringify(one)}\n`).join(''),
    }[format]();
    const { extension, mediaType } = MATRIX_EXPORTS[format];
    return { fileName: `flashgrid-matrix.${extension}`, mediaType, text };
  }

  /** Starts afresh: removes all results. The records of the runs stay. */
  async clear(): Promise<void> {
    this.refuseWhileRunning();
    await this.#kept(() => this.options.file.clear());
    const idle = this.#idle();
    this.replace({ ...idle, version: idle.version + 1 });
  }

  /** Without a plan; what must outlive it stays. */
  #idle(): MatrixState {
    const { version, lastRunId } = this.state;
    return {
      phase: 'idle',
      total: 0,
      done: 0,
      impossible: [],
      version,
      ...(lastRunId === undefined ? {} : { lastRunId }),
    };
  }

  async #attackAll(
    cells: readonly MatrixCell[],
    provider: Provider,
    signal: AbortSignal,
  ): Promise<Partial<MatrixState>> {
    const beganAtMs = performance.now();
    for (const [at, cell] of cells.entries()) {
      const { fault, seed, settings } = cell;
      this.set({ current: { fault, seed, faults: settings.faults, startedAtMs: Date.now() } });
      const result = await this.#attack(cell, provider, signal);
      await this.#kept(() => this.options.file.add(result));
      this.options.onResult(result);
      this.set({
        done: this.state.done + 1,
        msPerAttack: (performance.now() - beganAtMs) / (at + 1),
        version: this.state.version + 1,
      });
    }
    return {};
  }

  protected override ended(failure: Failure | undefined, wasStopped: boolean): void {
    const { done, total } = this.state;
    this.#log(
      failure ? 'error' : 'info',
      `the crash matrix ${failure ? `was broken off: ${failure.message}` : wasStopped ? 'was stopped' : 'is done'} (${done} of ${total})`,
    );
  }

  async #attack(cell: MatrixCell, provider: Provider, signal: AbortSignal): Promise<MatrixResult> {
    await this.#whenWell(signal);
    const { runId } = await this.options.attacks.launch(attackSettingsSchema.parse(cell.settings));
    const { current } = this.state;
    if (current) this.set({ current: { ...current, runId }, lastRunId: runId });
    return resultOf(cell, await this.toEnd(runId, signal), provider);
  }

  /**
   * Resolves when every part serves, so that the next fault meets a cluster that is well.
   * @throws FailureError `cluster.backendDown` when it does not get well
   */
  async #whenWell(signal: AbortSignal): Promise<void> {
    const deadlineMs = performance.now() + WELL_LIMIT_MS;
    for (;;) {
      signal.throwIfAborted();
      const { backends } = this.options.cluster();
      const parts = [...backends.map(({ role, state }) => ({ id: role, state })), ...this.options.services()];
      const sick = parts.filter(({ state }) => state !== 'running');
      if (sick.length === 0) return;
      if (performance.now() > deadlineMs)
        throw new FailureError({
          code: 'cluster.backendDown',
          message: `The cluster did not get well within ${WELL_LIMIT_MS / 1_000} s: ${sick.map(({ id, state }) => `${id} is ${state}`).join(', ')}.`,
          fix: 'Look at the logs of those parts. Started again, the matrix goes on with the attacks that are left.',
        });
      await sleep(LOOK_MS, undefined, { signal });
    }
  }

  /** @throws FailureError that says what is wrong with the file of the results */
  async #kept<Value>(work: () => Promise<Value>): Promise<Value> {
    const { path } = this.options.file;
    try {
      return await work();
    } catch (error) {
      const isDamaged = error instanceof MatrixFileError;
      throw new FailureError(
        {
          code: isDamaged ? 'matrix.damaged' : 'matrix.notKept',
          message: `The results of the crash matrix in ${path} can't be ${isDamaged ? 'read' : 'kept'}: ${fileProblem(error)}.`,
          fix: isDamaged
            ? 'Delete the file, or start afresh on the Matrix page, which does that; or restore it from a backup.'
            : 'Make room on the disk, or give yourself the right to write there. Then start the matrix again.',
        },
        { cause: error },
      );
    }
  }

  #log(level: LogLine['level'], text: string): void {
    this.options.onLog({ atMs: Date.now(), part: 'control', level, text });
  }
}

const cellKey = ({ fault, seed }: { readonly fault: string; readonly seed: number }) => `${fault} ${seed}`;

const chosen = (results: readonly MatrixResult[], { provider }: Choice) =>
  provider === undefined ? results : results.filter((one) => one.provider === provider);

function resultOf(
  { fault, seed, settings }: MatrixCell,
  record: RunRecord,
  provider: Provider,
): MatrixResult {
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
    effect: faults.map((one) => one.effect).join(' '),
    broken: audit.checks.filter((check) => checkState(check) === 'failed').map(({ id }) => id),
    reasons: record.reasons,
    ...{ oversold, undersold, lost, duplicated, pending },
    unknown: load.unknown,
    requests: load.sent,
    withoutServiceMs: SLO_METRICS.without_service.read(record),
    coverage: record.coverage ?? {},
  };
}
