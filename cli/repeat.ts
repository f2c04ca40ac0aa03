/** Attacks of the terminal that are made more than once: `--repeat`, `--versus`, `--against`. */
import { compareRuns } from '../contract/comparison.ts';
import type { ControlClient } from '../contract/contract.ts';
import { EXPORTS } from '../contract/export-formats.ts';
import { latency, whole } from '../contract/format.ts';
import type { RunRecord } from '../contract/run-record.ts';
import { withheldOf } from '../contract/run-notes.ts';
import { verdictWord } from '../contract/run-text.ts';
import { formatComparison, formatGroup } from '../control/export/export-comparison.ts';
import { commandLine } from '../control/lib/command-line.ts';
import {
  shellWords,
  UsageError,
  readAttack,
  readCount,
  type OptionValues,
} from '../contract/attack-options.ts';
import { MAX_REPEATS, turnsOf, worstOf, type SetUp } from '../contract/campaign.ts';
import { parseTerminal } from './args.ts';
import { readStart } from './bring-up.ts';
import { judgeAgainst, readAgainst } from './compare.ts';
import { readProfile } from './profile.ts';
import { printExports, printRun, runAttackToEnd } from './run-attack.ts';
import type { TargetOrder } from '../control/target/ask-for-target.ts';
import { must, type CommandContext, type Session } from './session.ts';

export interface Repeat {
  readonly count: number;
  readonly setUp: SetUp;
  /** The other set-up, whose runs alternate with those of the first. */
  readonly versus: SetUp | undefined;
  /** The runs that these are compared with. */
  readonly against: string | undefined;
}

/** Options of the whole command, which one set-up of it can't have. */
const OF_COMMAND = [
  'repeat',
  'against',
  'versus',
  'save-profile',
  'provider',
  'ha',
  'data-dir',
  'help',
  'yes',
];

const setUpOf = (values: OptionValues): SetUp => {
  const { gateways, workers } = readStart(values);
  return { settings: readAttack(values, readProfile(values)), gateways, workers };
};

/** @throws UsageError that names the option */
export function readRepeat({ values, outputs }: Pick<CommandContext, 'values' | 'outputs'>): Repeat {
  const setUp = setUpOf(values);
  const count = readCount(values, 'repeat', 1, MAX_REPEATS) ?? 1;
  const text = (option: string) => (typeof values[option] === 'string' ? values[option] : undefined);
  const [against, versus] = [text('against'), text('versus')];
  if (against !== undefined && versus !== undefined)
    throw new UsageError('--against and --versus both compare: give one of them.');
  const unfit = outputs.formats.find((format) => format !== 'json');
  if ((count > 1 || versus !== undefined) && unfit !== undefined)
    throw new UsageError(
      `--${unfit} writes one run: leave it out, then \`${commandLine(`report RUN --${unfit} FILE`)}\` writes each of the kept runs.`,
    );
  return { count, setUp, against, versus: versus === undefined ? undefined : readVersus(versus, values) };
}

/** The other set-up: the options of the first, and over them those of `--versus`. */
function readVersus(text: string, values: OptionValues): SetUp {
  const words = shellWords(text);
  try {
    const { command, values: other, positionals } = parseTerminal(['demo', ...words]);
    const unfit = Object.keys(other).find((option) => OF_COMMAND.includes(option) || option in EXPORTS);
    if (unfit !== undefined) throw new UsageError(`--${unfit} is for the whole command, not for one set-up.`);
    if (command !== 'demo' || positionals.length > 0 || words.length === 0)
      throw new UsageError("give it options in quotes: --versus '--workers 3 --connections 100'.");
    return setUpOf({ ...values, ...other });
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`--versus: ${error.message}`);
    throw error;
  }
}

/**
 * Makes an attack as often as was asked, prints what came of it, and compares it.
 * @param target the shop, where it is not ours
 * @returns the exit code: the worst of all
 */
export async function runAttacks(
  session: Session,
  repeat: Repeat,
  context: CommandContext,
  target?: TargetOrder,
): Promise<number> {
  const { out, interrupt } = context;
  const { count, against, versus } = repeat;
  const { client } = session;
  const before =
    against === undefined
      ? undefined
      : { name: against, records: await readAgainst(against, count, context, client) };
  const group = `group-${Date.now().toString(36)}`;
  const turns = turnsOf(repeat, group);
  const services = versus && (await runningServices(client));
  const records: RunRecord[] = [];
  try {
    for (const turn of turns) {
      if (interrupt.aborted) break;
      if (services) await scale(client, { ...services, ...given(turn.setUp) });
      const { settings } = turn.setUp;
      const { group: own } = turn;
      const record = await runAttackToEnd(
        session,
        own === undefined ? settings : { ...settings, group: own },
        interrupt,
        target,
      );
      records.push(record);
      if (own === undefined) await printRun(client, record, context);
      else {
        out.print(
          `Run ${records.length} of ${turns.length}${versus ? `, ${own.slice(-1).toUpperCase()}` : ''}: ${runLine(record)}`,
          2,
        );
        for (const reason of record.reasons) out.print(`  ${reason}`, 2);
      }
      // Somebody cancelled it elsewhere: the rest is not wanted either.
      if (record.end === 'cancelled') break;
    }
  } finally {
    if (services) await scale(client, { ...services, ...given(repeat.setUp) });
  }
  const codes = records.map(({ exitCode }) => exitCode);
  if (turns.length > 1) await printGroup(records, group, versus !== undefined, context);
  if (before && !interrupt.aborted) codes.push(judgeAgainst(before, records, context));
  return worstOf(codes);
}

const runLine = (record: RunRecord) =>
  `${verdictWord(record)}, ${whole(record.load.rps)} answers/s, p99 ${latency(record.load.latencyMs, 'p99')}${withheldOf(record).length > 0 ? ', speed verdict withheld' : ''} (${record.id})`;

async function printGroup(
  records: readonly RunRecord[],
  group: string,
  isVersus: boolean,
  context: CommandContext,
): Promise<void> {
  const { out } = context;
  const side = (letter: 'a' | 'b') => {
    const name = `${group}-${letter}`;
    return { name, records: records.filter((record) => record.group === name) };
  };
  const [a, b] = [side('a'), side('b')];
  out.raw(`\n${isVersus ? formatComparison(compareRuns(a, b), out.width) : formatGroup(records)}\n`);
  const text = `${JSON.stringify(records, null, 2)}\n`;
  await printExports(() => Promise.resolve({ fileName: '', mediaType: '', text }), context);
  if (isVersus)
    out.offer(
      `Kept as ${a.name} and ${b.name}:`,
      commandLine(`compare ${a.name} ${b.name} --html difference.html`),
    );
  else out.offer(`Kept as ${group}:`, commandLine(`compare ${group} RUNS`));
}

type Services = Readonly<Record<'gateways' | 'workers', number>>;

const given = ({ gateways, workers }: SetUp) => ({
  ...(gateways === undefined ? {} : { gateways }),
  ...(workers === undefined ? {} : { workers }),
});

async function runningServices(client: ControlClient): Promise<Services> {
  const { services } = await must(client, 'app.getSnapshot', {});
  const many = (role: 'gateway' | 'worker') => services.filter((service) => service.role === role).length;
  return { gateways: many('gateway'), workers: many('worker') };
}

/** Brings the cluster to so many services; nothing where it has them. */
async function scale(client: ControlClient, wanted: Services): Promise<void> {
  const now = await runningServices(client);
  for (const [role, field] of [
    ['gateway', 'gateways'],
    ['worker', 'workers'],
  ] as const)
    if (now[field] !== wanted[field]) await must(client, 'services.scale', { role, count: wanted[field] });
}
