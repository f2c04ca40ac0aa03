/** `flashgrid report`: lists the kept runs, or exports one of them, or the run of a file that `--json` wrote. */
import { readFile } from 'node:fs/promises';
import { appVersion } from '../control/app-paths.ts';
import { EXPORT_FORMATS, type ExportFormat, type ExportedFile } from '../contract/export-formats.ts';
import { exportRun } from '../control/export/export-run.ts';
import { openChromium } from '../control/export/print/chromium.ts';
import { parseRecord } from '../control/runs/parse-record.ts';
import { errorText } from '../services/shared/error-text.ts';
import { UsageError } from '../contract/attack-options.ts';
import { EXIT } from '../contract/exit-codes.ts';
import { exportsOf, printFailures, writeExports } from './run-attack.ts';
import { listRuns, runIdOf } from './runs.ts';
import { briefly, openSession, type CommandContext } from './session.ts';

export async function report(context: CommandContext): Promise<number> {
  const { positionals, dataDir, outputs, interrupt } = context;
  const [run, ...more] = positionals;
  if (more.length > 0) throw new UsageError('Give one run: its id, `last`, or a file that --json wrote.');
  if (run !== undefined && outputs.formats.length === 0)
    throw new UsageError(
      `Say what to write: ${EXPORT_FORMATS.map((format) => `--${format} FILE`).join(' or ')}.`,
    );
  // No id holds a dot or a separator.
  if (run !== undefined && /[./\\]/.test(run)) return await write(await exportsOfFile(run, context), context);
  return await briefly(await openSession(dataDir), interrupt, async (client) => {
    if (run === undefined) return await listRuns(client, context);
    return await write(exportsOf(client, await runIdOf(client, run)), context);
  });
}

/** The exports of a record's file, made here: no control centre needs to know that run. */
async function exportsOfFile(
  path: string,
  { outputs }: CommandContext,
): Promise<(format: ExportFormat) => Promise<ExportedFile>> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new UsageError(`${path} can't be read: ${errorText(error)}.`);
  });
  if (outputs.formats.includes('evidence'))
    throw new UsageError('--evidence is kept beside the run, and is not in its record: give the run’s id.');
  const record = parseRecord(path, path, text, appVersion());
  return (format) =>
    exportRun(record, format, {
      evidence: { read: () => Promise.reject(new Error('a record holds no evidence')) },
      openTab: () => openChromium(),
    });
}

async function write(
  exportAs: (format: ExportFormat) => Promise<ExportedFile>,
  { out, outputs, complain }: CommandContext,
): Promise<number> {
  const { paths, failures } = await writeExports(outputs, exportAs);
  for (const path of paths) out.print(`Written: ${path}`);
  printFailures(failures, complain);
  return failures.length === 0 ? EXIT.pass : EXIT.infrastructure;
}
