/** The terminal's commands and options: one table for parser, checks and `--help`. */
import {
  ATTACK_OPTIONS,
  UsageError,
  readOptions,
  type OptionSpec,
  type OptionValues,
} from '../contract/attack-options.ts';
import { MAX_REPEATS } from '../contract/campaign.ts';
import { MATRIX_KINDS } from '../contract/chaos.ts';
import { EXPORTS, EXPORT_FORMATS } from '../contract/export-formats.ts';
import { commandLine } from '../control/lib/command-line.ts';
import { wrapText } from '../contract/format.ts';
import { DESIGN_IDS } from '../contract/designs.ts';
import { CALM, LAB_EXPORTS } from '../contract/lab.ts';
import { MATRIX_EXPORTS } from '../contract/matrix.ts';
import { otlpUrlSchema, providerChoiceSchema, type ProviderChoice } from '../contract/settings.ts';

const outputOptions: Readonly<Record<string, OptionSpec>> = Object.fromEntries(
  EXPORT_FORMATS.map((format) => [
    format,
    { type: 'string', value: 'FILE', help: EXPORTS[format].help } as const,
  ]),
);

const profileOption = {
  profile: {
    type: 'string',
    value: 'FILE',
    help: 'a saved attack (NAME.flashgrid.json), in the place of a preset; other options change it',
  },
} as const satisfies Record<string, OptionSpec>;

const targetOptions = {
  target: {
    type: 'string',
    value: 'FILE',
    help: 'attack the shop that this adapter describes; needs no cluster (docs/any-shop.md)',
  },
  'i-own-this-target': {
    type: 'boolean',
    help: 'attack an address that is neither loopback nor private',
  },
} as const satisfies Record<string, OptionSpec>;

const attackOptions: Readonly<Record<string, OptionSpec>> = {
  ...ATTACK_OPTIONS,
  ...profileOption,
  'save-profile': {
    type: 'string',
    value: 'FILE',
    help: 'write the attack that the other options make as such a file, and end without making it',
  },
  repeat: {
    type: 'string',
    value: 'N',
    help: `make the attack N times (1 to ${MAX_REPEATS}, default 1): each run is kept, all have one group; the exit code is the worst; --json writes a list`,
  },
  versus: {
    type: 'string',
    value: 'OPTIONS',
    takesOptions: true,
    help: "make each run with these options too, in turn with the others, and compare: --versus '--workers 3'; also takes --gateways",
  },
  against: {
    type: 'string',
    value: 'RUNS',
    help: 'compare with earlier runs, as `compare` takes them; exit code 4 on a regression, 5 when nothing can be told; needs --repeat',
  },
  ...outputOptions,
};

/** What `--ha` changes of an attack. */
const HA_ATTACK =
  '--chaos breaks members, and without --requests, --rate, --stages, --fault and --chaos each leader dies in turn (--preset failover)';

const clusterOptions = {
  provider: {
    type: 'string',
    value: 'auto|native|docker|external',
    help: 'where the backends run (default: the settings, at first auto)',
  },
  ha: {
    type: 'boolean',
    help: 'highly available: three brokers, a Redis and a Postgres that fail over (default: the settings, at first not)',
  },
  otlp: {
    type: 'string',
    value: 'URL',
    help: 'where gateways and workers send their traces by OTLP/HTTP (default: the settings, at first nowhere)',
  },
  gateways: { type: 'string', value: 'N', help: 'gateways (default: the settings, at first 1)' },
  workers: { type: 'string', value: 'N', help: 'workers (default: the settings, at first 1)' },
} as const satisfies Record<string, OptionSpec>;

const commonOptions = {
  'data-dir': {
    type: 'string',
    value: 'DIR',
    help: "data folder (default: $FLASHGRID_HOME, or the system's folder for data)",
  },
  help: { type: 'boolean', help: 'print this' },
  yes: { type: 'boolean', help: 'install what is missing, or drop dead letters, without asking' },
} as const satisfies Record<string, OptionSpec>;

/** Every command of the terminal with its options. */
export const TERMINAL_COMMANDS = {
  demo: {
    summary: 'start the cluster, fire the attack, print the verdict, stop everything',
    options: {
      ...attackOptions,
      ...clusterOptions,
      ha: { type: 'boolean', help: `${clusterOptions.ha.help}; ${HA_ATTACK}` },
    },
  },
  up: { summary: 'start the cluster and leave it running in the background', options: clusterOptions },
  attack: {
    summary: 'attack the cluster that `up` or `serve` started, or with --target any shop',
    options: {
      ...attackOptions,
      ...targetOptions,
      ha: { type: 'boolean', help: `the cluster is highly available: ${HA_ATTACK}` },
    },
  },
  'find-limit': {
    summary:
      'find the highest rate that holds every --slo: raises it until one breaks, and confirms both ends by repetition',
    options: {
      ...ATTACK_OPTIONS,
      ...profileOption,
      ...targetOptions,
      from: { type: 'string', value: 'N', help: 'the first rate, in requests a second (default 500)' },
      to: { type: 'string', value: 'N', help: 'the highest rate (default 200,000)' },
      duration: { type: 'string', value: 'S', help: 'how long each attack lasts (1 to 3,600 s; default 10)' },
      confirm: {
        type: 'string',
        value: 'N',
        help: 'attacks at each end of the range (1 to 20; default 3)',
      },
      json: { type: 'string', value: 'FILE', help: 'write knee, range, thresholds and all attacks' },
      md: { type: 'string', value: 'FILE', help: 'write it for a pull request, in Markdown' },
    },
  },
  status: {
    summary: 'show what is running',
    options: {
      connections: {
        type: 'boolean',
        help: "print the backends' URLs, with their passwords: of Postgres those of a user that only reads",
      },
      json: {
        type: 'string',
        value: 'FILE',
        help: 'write the whole snapshot; `isRunning` is false if nothing runs',
      },
    },
  },
  down: {
    summary: 'stop what `up` started',
    options: { reset: { type: 'boolean', help: 'remove its data as well' } },
  },
  serve: {
    summary: 'serve the window to a browser, on this machine only',
    options: {
      port: { type: 'string', value: 'N', help: 'port (default: a free one)' },
      host: { type: 'string', value: 'H', help: 'address to listen on (default 127.0.0.1)' },
    },
  },
  'dead-letters': {
    summary: 'frames that could not be decided: dead-letters list | replay FRAME… | drop FRAME… --yes',
    options: {
      all: { type: 'boolean', help: 'replay or drop all frames' },
      json: { type: 'string', value: 'FILE', help: 'write the list, or how many were replayed or dropped' },
    },
  },
  report: {
    summary: `export a run: report RUN ${EXPORT_FORMATS.map((format) => `--${format} F`).join(' ')}; RUN is the id of a kept run, \`last\`, or a file that --json wrote; without RUN, list the runs (--json F: as JSON)`,
    options: outputOptions,
  },
  runs: {
    summary:
      'list the kept runs, or label one: runs | runs tag RUN TAG… | untag RUN TAG… | note RUN TEXT | pin RUN | unpin RUN | delete RUN | restore RUN; RUN is an id or `last`',
    options: {
      search: {
        type: 'string',
        value: 'TEXT',
        help: 'only runs with all these words in their id, sale, verdict, settings, tags or note',
      },
      tag: { type: 'string', value: 'TAG', help: 'only runs with this tag' },
      json: { type: 'string', value: 'FILE', help: 'write the list, or the labelled run' },
    },
  },
  compare: {
    summary:
      'compare runs: compare A B; each is the id of a run or a group, `last`, `baseline`, or a file that --json wrote; several with commas',
    options: {
      html: {
        type: 'string',
        value: 'FILE',
        help: 'write it as one HTML file, with the charts laid over each other',
      },
      md: { type: 'string', value: 'FILE', help: 'write it for a pull request, in Markdown' },
      json: { type: 'string', value: 'FILE', help: 'write it for programs' },
    },
  },
  baseline: {
    summary: 'keep runs to compare later ones with: baseline set RUN; alone, show them',
    options: {},
  },
  verify: {
    summary: 'judge a run again from its evidence file, without any backend: verify FILE',
    options: {
      root: { type: 'string', value: 'HEX', help: 'the root that was printed with the verdict' },
      edn: { type: 'string', value: 'FILE', help: "write the requests as a history in Jepsen's EDN" },
      json: { type: 'string', value: 'FILE', help: 'write what was found' },
    },
  },
  selftest: {
    summary:
      'check that latency is measured right on this machine, on a server that stands still at known times: selftest latency',
    options: {},
  },
  matrix: {
    summary:
      'break everything once: an attack for each fault of the table, over several seeds; goes on where it ended',
    options: {
      ...clusterOptions,
      gateways: { ...clusterOptions.gateways, help: 'gateways (default 2)' },
      workers: {
        ...clusterOptions.workers,
        help: 'workers (default 3; some counterexamples of the model need them)',
      },
      seeds: { type: 'string', value: 'N', help: 'how many seeds (default 1)' },
      seed: { type: 'string', value: 'N', help: 'the first seed (default 1)' },
      only: {
        type: 'string',
        value: 'KINDS',
        help: `kinds of faults, or rows such as kill:worker, separated by commas: ${MATRIX_KINDS.join(', ')}`,
      },
      quick: { type: 'boolean', help: 'one target of each kind' },
      out: {
        type: 'string',
        value: 'FILE',
        help: `${MATRIX_EXPORTS.ndjson.help} (default flashgrid-matrix.ndjson)`,
      },
      html: { type: 'string', value: 'FILE', help: MATRIX_EXPORTS.html.help },
      md: { type: 'string', value: 'FILE', help: MATRIX_EXPORTS.md.help },
    },
  },
  lab: {
    summary: 'send the same buyers to every design, from the naive one to FlashGrid, and audit each',
    options: {
      ...clusterOptions,
      designs: { type: 'string', value: 'NAMES', help: `only these: ${DESIGN_IDS.join(', ')}` },
      rounds: {
        type: 'string',
        value: 'N',
        help: 'attacks on each design with all buyers at once (default 3)',
      },
      requests: { type: 'string', value: 'N', help: 'buyers of an attack (default 10000)' },
      stock: { type: 'string', value: 'N', help: 'units on sale (default 20)' },
      connections: { type: 'string', value: 'N', help: 'sockets opened at once (default 500)' },
      seed: { type: 'string', value: 'N', help: 'of the first round (default 1)' },
      bet: {
        type: 'string',
        value: 'N',
        help: 'units that read-then-write will sell, as the audience bets; the truth stands beside it',
      },
      quick: { type: 'boolean', help: 'one round of 3,000 buyers, in under a minute' },
      calm: {
        type: 'boolean',
        help: `with --quick too: a round at ${CALM.ratePerSec} requests/s, where everybody gets a unit`,
      },
      stall: {
        type: 'boolean',
        help: 'with --quick too: a round in which an instance is stopped while it holds its lock or its unit',
      },
      serve: {
        type: 'string',
        value: 'DESIGN',
        help: 'in place of the attacks, run this design as a shop until Ctrl-C, with an adapter for `attack --target` (--json FILE says where)',
      },
      json: { type: 'string', value: 'FILE', help: LAB_EXPORTS.json.help },
      html: { type: 'string', value: 'FILE', help: LAB_EXPORTS.html.help },
      md: { type: 'string', value: 'FILE', help: LAB_EXPORTS.md.help },
    },
  },
  confirm: {
    summary: 'show and save a change of images or external URLs that a page asked for',
    options: { yes: { type: 'boolean', help: 'save it without asking' } },
  },
  doctor: {
    summary: 'list what FlashGrid needs, where it was found, and what to do',
    options: { json: { type: 'string', value: 'FILE', help: 'write the findings' } },
  },
} as const satisfies Record<string, { summary: string; options: Record<string, OptionSpec> }>;

export type TerminalCommand = keyof typeof TERMINAL_COMMANDS;

export interface ParsedArgs {
  readonly command: TerminalCommand | 'help' | 'version';
  readonly values: OptionValues;
  readonly positionals: readonly string[];
}

function isTerminalCommand(name: string): name is TerminalCommand {
  return Object.hasOwn(TERMINAL_COMMANDS, name);
}

/** @throws UsageError that names the option */
export function parseTerminal(argv: readonly string[]): ParsedArgs {
  const [name, ...rest] = argv;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h')
    return { command: 'help', values: {}, positionals: rest };
  if (name === '--version' || name === '-v' || name === 'version')
    return { command: 'version', values: {}, positionals: [] };
  if (!isTerminalCommand(name)) throw new UsageError(`There is no command "${name}".`);
  const specs: Record<string, OptionSpec> = { ...TERMINAL_COMMANDS[name].options, ...commonOptions };
  const { values, positionals } = readOptions(rest, specs);
  if (values['help'] === true) return { command: 'help', values: {}, positionals: [name] };
  if (positionals.length > 0 && !TAKING_WORDS.includes(name))
    throw new UsageError(`"${positionals[0]}" is not an option of ${name}: options begin with --.`);
  return { command: name, values, positionals };
}

/** Commands that take more than options. */
const TAKING_WORDS: readonly TerminalCommand[] = [
  'report',
  'runs',
  'dead-letters',
  'verify',
  'compare',
  'baseline',
  'selftest',
];

/** @throws UsageError */
export function readProvider(values: OptionValues): ProviderChoice | undefined {
  if (values['provider'] === undefined) return undefined;
  const parsed = providerChoiceSchema.safeParse(values['provider']);
  if (!parsed.success)
    throw new UsageError(
      `--provider knows ${providerChoiceSchema.options.join(', ')}, not "${String(values['provider'])}".`,
    );
  return parsed.data;
}

/** @throws UsageError */
export function readOtlpUrl(values: OptionValues): string | undefined {
  if (values['otlp'] === undefined) return undefined;
  const parsed = otlpUrlSchema.safeParse(values['otlp']);
  if (!parsed.success) throw new UsageError(`--otlp ${parsed.error.issues[0]?.message ?? ''}.`);
  return parsed.data;
}

/** Width of the column with an option and its value. */
const OPTION_COLUMNS = 40;
const COMMAND_COLUMNS = 16;

/** The help of one command, or of all, for a terminal of this width. */
export function helpText(command: string | undefined, width: number): string {
  if (command !== undefined && isTerminalCommand(command)) {
    const { summary, options } = TERMINAL_COMMANDS[command];
    const rows = Object.entries<OptionSpec>({ ...options, ...commonOptions });
    return [
      ...wrapText(`${commandLine(command)}: ${summary}`, width),
      '',
      ...rows.flatMap(([name, { value, help }]) =>
        tableRow(`--${name}${value ? ` ${value}` : ''}`, help, OPTION_COLUMNS, width),
      ),
    ].join('\n');
  }
  return [
    ...wrapText('FlashGrid: a flash-sale engine that never oversells, and proves it.', width),
    '',
    ...wrapText(commandLine('COMMAND [OPTIONS]'), width),
    ...Object.entries(TERMINAL_COMMANDS).flatMap(([name, { summary }]) =>
      tableRow(name, summary, COMMAND_COLUMNS, width),
    ),
    '',
    ...wrapText(`\`${commandLine('COMMAND --help')}\` lists the options of a command.`, width),
    ...wrapText(
      'Exit codes: 0 pass, 2 usage, 3 audit failed, 4 threshold missed, 5 run invalid, 6 infrastructure, 130 interrupted.',
      width,
    ),
  ].join('\n');
}

/** A name with its text beside it, or below it in a narrow terminal. */
function tableRow(name: string, text: string, column: number, width: number): string[] {
  const isBeside = width >= 2 * column && name.length + 3 < column;
  const indent = ' '.repeat(isBeside ? column : 6);
  const lines = wrapText(text, width - indent.length).map((line) => indent + line);
  if (!isBeside) return [`  ${name}`, ...lines];
  const [first = '', ...more] = lines;
  return [`  ${name}`.padEnd(column) + first.slice(column), ...more];
}
