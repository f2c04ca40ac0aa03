/** `flashgrid runs`: lists, finds, labels, deletes and brings back kept runs. */
import type { CommandName, ControlClient } from '../contract/contract.ts';
import { plural } from '../contract/format.ts';
import { labelsSchema, type RunLabels } from '../contract/run-record.ts';
import type { RunSummary } from '../contract/state.ts';
import { commandLine } from '../control/lib/command-line.ts';
import { UsageError } from '../contract/attack-options.ts';
import { EXIT } from '../contract/exit-codes.ts';
import { LAST } from './named-runs.ts';
import { writeJson } from './outputs.ts';
import { briefly, must, openSession, printNotices, type CommandContext } from './session.ts';

/** What each word makes of a run's labels. */
const CHANGES: Readonly<
  Record<string, (words: readonly string[], labels: RunLabels) => RunLabels | undefined>
> = {
  tag: (words, { tags = [] }) =>
    words.length === 0 ? undefined : { tags: [...new Set([...tags, ...words])] },
  untag: (words, { tags = [] }) =>
    words.length === 0 ? undefined : { tags: tags.filter((tag) => !words.includes(tag)) },
  note: (words) => (words.length === 1 ? { note: words[0] } : undefined),
  pin: (words) => (words.length === 0 ? { isPinned: true } : undefined),
  unpin: (words) => (words.length === 0 ? { isPinned: false } : undefined),
};
const MOVES = {
  delete: ['runs.deleteRun', 'Deleted'],
  restore: ['runs.restoreRun', 'Brought back'],
} as const satisfies Record<string, readonly [CommandName, string]>;

const USAGE =
  'Write `runs` to list them, or `runs tag RUN TAG…`, `untag RUN TAG…`, `note RUN TEXT`, `pin RUN`, `unpin RUN`, `delete RUN` or `restore RUN`.';

export async function runs(context: CommandContext): Promise<number> {
  const { positionals, values, dataDir, out, outputs, interrupt } = context;
  const [word, name, ...words] = positionals;
  const change = word !== undefined && Object.hasOwn(CHANGES, word) ? CHANGES[word] : undefined;
  const move = word === 'delete' || word === 'restore' ? MOVES[word] : undefined;
  if (word !== undefined && ((!change && !move) || name === undefined || (move && words.length > 0)))
    throw new UsageError(USAGE);
  if (word !== undefined && (values['search'] ?? values['tag']) !== undefined)
    throw new UsageError(`--search and --tag go with the list, not with \`runs ${word}\`.`);
  return await briefly(await openSession(dataDir), interrupt, async (client) => {
    if (name === undefined) return await listRuns(client, context);
    const id = await runIdOf(client, name);
    if (move) {
      const [command, done] = move;
      await must(client, command, { id });
      out.print(
        `${done}: ${id}.${word === 'delete' ? ` \`${commandLine(`runs restore ${id}`)}\` brings it back, for a week.` : ''}`,
      );
      return EXIT.pass;
    }
    const { labels: before = {} } = await must(client, 'runs.getRun', { id });
    const labels = labelsSchema.safeParse(change?.(words, before));
    if (!labels.success)
      throw new UsageError(words.length === 0 ? USAGE : `${labels.error.issues[0]?.message}.`);
    const run = await must(client, 'runs.labelRun', { id, labels: labels.data });
    out.print(lineOf(run), 4);
    await writeJson(run, outputs, out);
    return EXIT.pass;
  });
}

/** Lists the kept runs that `--search` and `--tag` ask for. */
export async function listRuns(
  client: ControlClient,
  { values, out, outputs }: CommandContext,
): Promise<number> {
  const unfit = outputs.formats.find((format) => format !== 'json');
  if (unfit !== undefined)
    throw new UsageError(
      `--${unfit} writes one run: give its id, as \`report\` lists it, or \`${LAST}\` for the newest.`,
    );
  const [search, tag] = [values['search'], values['tag']].map((value) =>
    value === undefined ? undefined : String(value),
  );
  const all = await must(client, 'runs.listRuns', { ...(search === undefined ? {} : { search }) });
  const found = all.filter(({ labels }) => tag === undefined || labels?.tags?.includes(tag));
  const areAllListed = !(await printNotices(client)).some((notice) => notice.id === 'runs');
  if (search !== undefined || tag !== undefined) out.print(`${plural(found.length, 'run')} found.`);
  else if (found.length === 0 && areAllListed) out.print(noRuns());
  for (const run of found) out.print(lineOf(run), 4);
  await writeJson(found, outputs, out);
  return EXIT.pass;
}

/**
 * The id of a run that is named on the command line.
 * @throws UsageError where the newest is asked for, and none is kept
 */
export async function runIdOf(client: ControlClient, name: string): Promise<string> {
  if (name !== LAST) return name;
  const [newest] = await must(client, 'runs.listRuns', {});
  if (newest) return newest.id;
  throw new UsageError(noRuns());
}

const noRuns = () => `There are no saved runs yet. \`${commandLine('demo')}\` makes the first.`;

function lineOf(run: RunSummary): string {
  const { tags = [], note, isPinned } = run.labels ?? {};
  const marks = [
    run.group,
    ...tags.map((tag) => `#${tag}`),
    isPinned ? 'pinned' : undefined,
    run.isBaseline ? 'baseline' : undefined,
    note?.split('\n')[0],
  ].filter((mark) => mark !== undefined);
  return `${run.id}  ${run.startedAt}  ${run.verdict.padEnd(8)}${[`${run.title}, ${Math.round(run.rps)} req/s`, `sold ${run.sold} of ${run.stock}`, ...marks].join(', ')}`;
}
