/** Runs by their names on the command line: ids, groups, `last`, `baseline`, and files of records; several with commas. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { BASELINE } from '../contract/comparison.ts';
import { FailureError } from '../contract/failure.ts';
import type { ControlClient } from '../contract/contract.ts';
import type { RunRecord } from '../contract/run-record.ts';
import { commandLine } from '../control/lib/command-line.ts';
import { BaselineFile } from '../control/runs/baseline-file.ts';
import { parseRecords } from '../control/runs/parse-record.ts';
import { errorText } from '../services/shared/error-text.ts';
import { UsageError } from '../contract/attack-options.ts';
import { must, type CommandContext } from './session.ts';

/** In the place of an id: the newest run, with those of its group. */
export const LAST = 'last';
/** Which data folder, read by which FlashGrid. */
type HistoryPlace = Pick<CommandContext, 'dataDir' | 'version'>;

const namesOf = (text: string) => (existsSync(text) ? [text] : text.split(',').map((name) => name.trim()));
// No id holds a dot or a separator.
const isFile = (name: string) => /[./\\]/.test(name);

/** Whether these names need the history of a control centre. */
export const needHistory = (text: string) => namesOf(text).some((name) => !isFile(name) && name !== BASELINE);

/**
 * @param client may be missing where `needHistory` is false
 * @throws UsageError that names what is not there, or is no record
 */
export async function namedRuns(
  text: string,
  { dataDir, version }: HistoryPlace,
  client: ControlClient | undefined,
): Promise<RunRecord[]> {
  const found: RunRecord[] = [];
  for (const name of namesOf(text)) {
    if (isFile(name)) found.push(...(await recordsOf(name, version)));
    else if (name === BASELINE) found.push(...(await baselineOf(dataDir, version)));
    else if (client) found.push(...(await keptRuns(client, name)));
  }
  // A file and the id of the same run: it counts once.
  return [...new Map(found.map((record) => [record.id, record])).values()];
}

async function baselineOf(dataDir: string, version: string): Promise<RunRecord[]> {
  const { path } = new BaselineFile(dataDir, version);
  if (existsSync(path)) return await recordsOf(path, version);
  throw new UsageError(
    `There is no baseline yet: \`${commandLine('baseline set RUN')}\` makes one of a run or a group.`,
  );
}

/** A file with one record, or a list of them. */
async function recordsOf(path: string, version: string): Promise<RunRecord[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new UsageError(`${path} can't be read: ${errorText(error)}.`);
  });
  try {
    const records = parseRecords(path, text, version);
    if (records.length > 0) return records;
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    throw new UsageError(`${path} is no record of a run, as --json writes it: ${error.message}`);
  }
  throw new UsageError(`${path} holds no runs.`);
}

async function keptRuns(client: ControlClient, name: string): Promise<RunRecord[]> {
  const runs = await must(client, 'runs.listRuns', {});
  const [newest] = runs;
  if (name === LAST && !newest)
    throw new UsageError(`There are no saved runs yet. \`${commandLine('demo')}\` makes the first.`);
  const group = name === LAST ? newest?.group : name;
  const ofGroup = runs.filter((run) => run.group !== undefined && run.group === group);
  const ids =
    ofGroup.length > 0 ? ofGroup.map(({ id }) => id).reverse() : [name === LAST ? newest?.id : name];
  const records: RunRecord[] = [];
  for (const id of ids) {
    const result = await client.call('runs.getRun', { id: id ?? '' });
    if (result.ok) records.push(result.value);
    else if (result.error.code === 'runs.notFound')
      throw new UsageError(
        `There is no run or group ${JSON.stringify(name)}: \`${commandLine('report')}\` lists them.`,
      );
    else throw new FailureError(result.error);
  }
  return records;
}
