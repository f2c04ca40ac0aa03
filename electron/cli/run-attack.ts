/** The terminal's attack: launches it, shows it live, prints the verdict, writes the files that were asked for. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { AttackSettings } from '../control/attack/profile.ts';
import { FailureError } from '../control/cluster/cluster.ts';
import type { AttackState, ControlClient, ExportFormat } from '../control/contract.ts';
import { formatRun } from '../control/report/format-terminal.ts';
import type { RunRecord } from '../control/report/run-record.ts';
import type { OptionValues } from './args.ts';
import { must } from './session.ts';

const FORMATS = ['json', 'html', 'csv'] as const satisfies readonly ExportFormat[];

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
  values: OptionValues,
  out: NodeJS.WriteStream,
): Promise<void> {
  out.write(`\n${formatRun(record, { color: out.isTTY === true && !process.env['NO_COLOR'] })}\n`);
  for (const path of await exportRun(client, record.id, values)) out.write(`Written: ${path}\n`);
  out.write(`Kept as run ${record.id}: flashgrid report ${record.id} --html report.html\n`);
}

/** Writes the formats that were asked for; gives the paths. */
export async function exportRun(client: ControlClient, id: string, values: OptionValues): Promise<string[]> {
  const paths: string[] = [];
  for (const format of FORMATS) {
    const target = values[format];
    if (typeof target !== 'string') continue;
    const { text } = await must(client, 'runs.exportRun', { id, format });
    paths.push(await writeOut(target, text));
  }
  return paths;
}

/** @throws FailureError naming the path when it can't be written */
export async function writeOut(target: string, text: string): Promise<string> {
  const path = resolve(target);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text, { mode: 0o600 });
  } catch (error) {
    throw new FailureError(
      {
        code: 'cli.cantWrite',
        message: `${path} can't be written: ${error instanceof Error ? error.message : String(error)}`,
        fix: 'Choose a folder that you may write to.',
        field: 'json',
      },
      { cause: error },
    );
  }
  return path;
}
