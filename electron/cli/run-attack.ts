/** The terminal's attack: launches it, shows it live, prints the verdict, writes the files that were asked for. */
import process from 'node:process';
import type { AttackSettings } from '../control/attack/profile.ts';
import { FailureError } from '../control/cluster/cluster.ts';
import type { AttackState, ControlClient } from '../control/contract.ts';
import { formatRun } from '../control/report/format-terminal.ts';
import type { RunRecord } from '../control/report/run-record.ts';
import type { Outputs } from './outputs.ts';
import { must } from './session.ts';

/**
 * Runs one attack to its end.
 * @param signal cancels the attack; the cluster stays as it is
 * @throws FailureError when it could not be run to a verdict
 */
export async function runAttackToEnd(
  client: ControlClient,
  settings: AttackSettings,
  signal: AbortSignal,
): Promise<RunRecord> {
  const ended = new Promise<AttackState>((resolve) => {
    const stop = client.on('attack.stateChanged', ({ attack }) => {
      if (!['finished', 'failed', 'cancelled'].includes(attack.phase)) return;
      stop();
      resolve(attack);
    });
  });
  const cancel = () => void client.call('attack.cancel', {});
  signal.addEventListener('abort', cancel);
  try {
    const launched = await must(client, 'attack.launch', settings);
    const attack = await ended;
    // An attack that failed or was cancelled is kept, too, and its record says why.
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

/** Prints the verdict and writes the files of `--json`, `--html` and `--csv`. */
export async function tellRun(
  client: ControlClient,
  record: RunRecord,
  outputs: Outputs,
  out: NodeJS.WriteStream,
): Promise<void> {
  out.write(`\n${formatRun(record, { color: out.isTTY === true && !process.env['NO_COLOR'] })}\n`);
  const { paths, failures } = await exportRun(client, record.id, outputs);
  for (const path of paths) out.write(`Written: ${path}\n`);
  // The exit code is the verdict's, whatever became of the files.
  tellFailures(failures);
  out.write(`Kept as run ${record.id}: flashgrid report ${record.id} --html report.html\n`);
}

export function tellFailures(failures: readonly FailureError[]): void {
  for (const { failure } of failures) process.stderr.write(`✗ ${failure.message}\n  → ${failure.fix}\n`);
}

/** Writes the formats that were asked for: each, whatever became of the others. */
export async function exportRun(
  client: ControlClient,
  id: string,
  outputs: Outputs,
): Promise<{ paths: string[]; failures: FailureError[] }> {
  const paths: string[] = [];
  const failures: FailureError[] = [];
  for (const format of outputs.formats) {
    try {
      const { text } = await must(client, 'runs.exportRun', { id, format });
      const path = await outputs.write(format, text);
      if (path !== undefined) paths.push(path);
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      failures.push(error);
    }
  }
  return { paths, failures };
}
