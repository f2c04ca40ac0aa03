/** Attacks of the terminal: launches one, prints its verdict, and writes the files of the export options. */
import type { AttackSettings } from '../contract/attack-settings.ts';
import { FailureError } from '../contract/failure.ts';
import type { AttackState } from '../contract/state.ts';
import type { ControlClient } from '../contract/contract.ts';
import type { ExportFormat, ExportedFile } from '../contract/export-formats.ts';
import { commandLine } from '../control/lib/command-line.ts';
import { formatRun } from '../control/export/export-terminal.ts';
import type { RunRecord } from '../contract/run-record.ts';
import { latency, whole } from '../contract/format.ts';
import { verdictWord } from '../contract/run-text.ts';
import { formatGroup } from '../control/export/export-comparison.ts';
import { MAX_REPEATS, UsageError, readCount } from './args.ts';
import { judgeAgainst, readAgainst } from './compare.ts';
import { EXIT } from './exit-codes.ts';
import type { Output } from './output.ts';
import type { Outputs } from './outputs.ts';
import { must, type CommandContext, type Session } from './session.ts';

/**
 * Runs one attack to its end.
 * @param signal cancels the attack; the cluster stays as it is
 * @throws FailureError if it ended without a record, or the control centre is gone
 */
async function runAttackToEnd(
  { client, lost }: Session,
  settings: AttackSettings & { readonly group?: string },
  signal: AbortSignal,
): Promise<RunRecord> {
  const ended = new Promise<AttackState>((resolve) => {
    const stop = client.on('attack.stateChanged', ({ attack }) => {
      if (!['finished', 'failed', 'cancelled'].includes(attack.phase)) return;
      stop();
      resolve(attack);
    });
  });
  signal.throwIfAborted();
  const cancel = () => void client.call('attack.cancel', {});
  signal.addEventListener('abort', cancel);
  try {
    const launched = await must(client, 'attack.launch', settings);
    const attack = await Promise.race([ended, lost]);
    // A failed or cancelled attack has a record too, which says why.
    if (attack.phase !== 'finished') {
      const kept = await client.call('runs.getRun', { id: launched.runId });
      if (kept.ok) return kept.value;
    }
    if (attack.phase === 'failed' && attack.failure) throw new FailureError(attack.failure);
    if (attack.phase !== 'finished')
      throw new FailureError({
        code: 'attack.cancelled',
        message: 'The attack was cancelled; there is no verdict.',
        fix: 'Launch it again when you like.',
      });
    return await must(client, 'runs.getRun', { id: launched.runId });
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

/** What `--repeat` and `--against` ask for. */
export interface Repeat {
  readonly count: number;
  readonly against: string | undefined;
}

/** @throws UsageError that names the option */
export function readRepeat({ values, outputs }: Pick<CommandContext, 'values' | 'outputs'>): Repeat {
  const count = readCount(values, 'repeat', 1, MAX_REPEATS) ?? 1;
  const unfit = outputs.formats.find((format) => format !== 'json');
  if (count > 1 && unfit !== undefined)
    throw new UsageError(
      `--${unfit} writes one run: leave it out, then \`${commandLine(`report RUN --${unfit} FILE`)}\` writes each of the kept runs.`,
    );
  return { count, against: typeof values['against'] === 'string' ? values['against'] : undefined };
}

/** Exit codes from the worst to the best: the one of several runs is the worst of theirs. */
const WORST_FIRST = [
  EXIT.interrupted,
  EXIT.auditFailed,
  EXIT.infrastructure,
  EXIT.invalid,
  EXIT.thresholdMissed,
];
export const worstOf = (codes: readonly number[]): number =>
  WORST_FIRST.find((code) => codes.includes(code)) ?? EXIT.pass;

/**
 * Makes an attack as often as was asked, prints what came of it, and compares it.
 * @returns the exit code
 */
export async function runAttacks(
  session: Session,
  settings: AttackSettings,
  { count, against }: Repeat,
  context: CommandContext,
): Promise<number> {
  const { out, interrupt } = context;
  const before =
    against === undefined
      ? undefined
      : { name: against, records: await readAgainst(against, count, context, session.client) };
  const records: RunRecord[] = [];
  const group = `group-${Date.now().toString(36)}`;
  while (records.length < count && !interrupt.aborted) {
    const record = await runAttackToEnd(session, count === 1 ? settings : { ...settings, group }, interrupt);
    records.push(record);
    // Somebody cancelled it elsewhere: the rest is not wanted either.
    const isOver = record.end === 'cancelled';
    if (count === 1) await printRun(session.client, record, context);
    else {
      const { id, load, reasons } = record;
      out.print(
        `Run ${records.length} of ${count}: ${verdictWord(record)}, ${whole(load.rps)} answers/s, p99 ${latency(load.latencyMs, 'p99')} (${id})`,
        2,
      );
      for (const reason of reasons) out.print(`  ${reason}`, 2);
    }
    if (isOver) break;
  }
  const codes = records.map(({ exitCode }) => exitCode);
  if (count > 1) {
    out.raw(`\n${formatGroup(records)}\n`);
    const text = `${JSON.stringify(records, null, 2)}\n`;
    await printExports(() => Promise.resolve({ fileName: '', mediaType: '', text }), context);
    out.offer(`Kept as ${group}:`, commandLine(`compare ${group} RUNS`));
  }
  if (before && !interrupt.aborted) codes.push(judgeAgainst(before, records, context));
  return worstOf(codes);
}

/** Prints the verdict and writes the files of the export options. */
async function printRun(
  client: ControlClient,
  record: RunRecord,
  context: Pick<CommandContext, 'outputs' | 'out' | 'complain'>,
): Promise<void> {
  const { out } = context;
  out.raw(`\n${formatRun(record, { color: out.hasColor, width: out.width })}\n`);
  await printExports(exportsOf(client, record.id), context);
  out.offer(`Kept as run ${record.id}:`, commandLine(`report ${record.id} --html report.html`));
}

/** Writes the files of the export options. */
async function printExports(
  exportAs: (format: ExportFormat) => Promise<ExportedFile>,
  { outputs, out, complain }: Pick<CommandContext, 'outputs' | 'out' | 'complain'>,
): Promise<void> {
  const { paths, failures } = await writeExports(outputs, exportAs);
  for (const path of paths) out.print(`Written: ${path}`);
  // A file that could not be written does not change the exit code, which is the verdict's.
  printFailures(failures, complain);
}

export function printFailures(failures: readonly FailureError[], complain: Output): void {
  for (const { failure } of failures) complain.print(`✗ ${failure.message}\n  → ${failure.fix}`, 2);
}

/** The exports of a kept run. */
export const exportsOf =
  (client: ControlClient, id: string) =>
  (format: ExportFormat): Promise<ExportedFile> =>
    must(client, 'runs.exportRun', { id, format });

/** Writes the requested formats, each independently of the others. */
export async function writeExports(
  outputs: Outputs,
  exportAs: (format: ExportFormat) => Promise<ExportedFile>,
): Promise<{ paths: string[]; failures: FailureError[] }> {
  const paths: string[] = [];
  const failures: FailureError[] = [];
  for (const format of outputs.formats) {
    try {
      const { text, isBase64 } = await exportAs(format);
      const path = await outputs.write(format, isBase64 ? Buffer.from(text, 'base64') : text);
      if (path !== undefined) paths.push(path);
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      failures.push(error);
    }
  }
  return { paths, failures };
}
