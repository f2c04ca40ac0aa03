/** Attacks of the terminal: launches one, prints its verdict, and writes the files of the export options. */
import type { AttackSettings } from '../contract/attack-settings.ts';
import { FailureError } from '../contract/failure.ts';
import type { AttackState } from '../contract/state.ts';
import type { ControlClient } from '../contract/contract.ts';
import type { ExportFormat, ExportedFile } from '../contract/export-formats.ts';
import { commandLine } from '../control/lib/command-line.ts';
import { formatRun } from '../control/export/export-terminal.ts';
import type { RunRecord } from '../contract/run-record.ts';
import type { Output } from './output.ts';
import type { Outputs } from './outputs.ts';
import type { TargetOrder } from '../control/target/ask-for-target.ts';
import { must, type CommandContext, type Session } from './session.ts';

/**
 * Runs one attack to its end.
 * @param target the shop, where it is not ours
 * @param signal cancels the attack; the cluster stays as it is
 * @throws FailureError if it ended without a record, or the control centre is gone
 */
export async function runAttackToEnd(
  { client, lost }: Session,
  settings: AttackSettings & { readonly group?: string },
  signal: AbortSignal,
  target?: TargetOrder,
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
    const launched = target
      ? await must(client, 'attack.launchTarget', { settings, ...target })
      : await must(client, 'attack.launch', settings);
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

/** Prints the verdict and writes the files of the export options. */
export async function printRun(
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
export async function printExports(
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
