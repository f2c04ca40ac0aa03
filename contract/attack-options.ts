/**
 * An attack as options of a command line, written and read: for the terminal, for the command that repeats a run, and for the
 * form of the window, which copies one and takes one that is pasted.
 */
import { ATTACK_PRESETS } from './attack-presets.ts';
import {
  ATTACK_SETTINGS,
  attackSettingsSchema,
  optionOf,
  paceFor,
  totalRequests,
  totalStock,
  type AttackField,
  type AttackSetting,
  type AttackSettings,
  type AttackSettingsInput,
} from './attack-settings.ts';
import { settingLimits } from './attack-text.ts';
import { contradictionOf } from './attack-contradictions.ts';
import { chaosFaults } from './chaos.ts';

/** Wrong use of an option: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  readonly value?: string;
  /** May be given several times; the values are joined with spaces. */
  readonly multiple?: true;
  /** Words after the value that belong to it too: a threshold is nothing else, and each needs quotes already. */
  readonly also?: RegExp;
  /** Its value is made of options. */
  readonly takesOptions?: true;
  readonly help: string;
}
type OptionSpecs = Readonly<Record<string, OptionSpec>>;
export type OptionValues = Readonly<Record<string, string | boolean | undefined>>;

/** What stands for a setting's value in the help: `--rate N`. */
function valueName({ choices, unit, isText, whenEmpty }: AttackSetting): string {
  if (isText) return isText;
  // Many names stand in the help, not in the head of its line.
  if (choices) return whenEmpty === undefined ? Object.keys(choices).join('|') : 'NAME';
  return unit === 'ms' || unit === 's' ? unit.toUpperCase() : 'N';
}

/** The options that make an attack. */
export const ATTACK_OPTIONS: OptionSpecs = {
  preset: {
    type: 'string',
    value: 'ID',
    help: `a ready-made attack: ${ATTACK_PRESETS.map((preset) => preset.id).join(', ')}`,
  },
  ...Object.fromEntries(
    ATTACK_SETTINGS.map((setting) => [
      setting.option,
      {
        type: 'string' as const,
        value: valueName(setting),
        ...(setting.isText ? { multiple: true as const } : {}),
        ...(setting.isText === 'SLO' ? { also: /^\w+[<>=]/ } : {}),
        help: `${setting.help} (${settingLimits(setting)})`,
      },
    ]),
  ),
  chaos: {
    type: 'string',
    value: 'SEED',
    help: 'random faults from a seed: three to six, or one every ten seconds of an attack under a rate; the report has the schedule',
  },
};

/**
 * Reads the words of a command line.
 * @param onOther takes the name of an option that is not in `specs`; without it, such an option is an error
 * @throws UsageError that names the option
 */
export function readOptions(
  words: readonly string[],
  specs: OptionSpecs,
  onOther?: (option: string) => void,
): { readonly values: OptionValues; readonly positionals: readonly string[] } {
  const values: Record<string, string | boolean> = {};
  const positionals: string[] = [];
  const rest = [...words];
  const isValue = (word: string | undefined): word is string =>
    word !== undefined && (word === '-' || !word.startsWith('-'));
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') {
      positionals.push(...rest.splice(0));
      break;
    }
    if (isValue(word)) {
      positionals.push(word);
      continue;
    }
    const [, option = '', joined] = /^--([^=]+)(?:=([\s\S]*))?$/.exec(word) ?? [];
    const spec = Object.hasOwn(specs, option) ? specs[option] : undefined;
    if (!spec) {
      if (option === '' || !onOther) throw new UsageError(`There is no option ${word} here.`);
      onOther(option);
      if (joined === undefined && isValue(rest[0])) rest.shift();
      continue;
    }
    if (spec.type === 'boolean') {
      if (joined !== undefined) throw new UsageError(`--${option} takes no value.`);
      values[option] = true;
      continue;
    }
    const hasNext = rest.length > 0 && (spec.takesOptions === true || isValue(rest[0]));
    const value = joined ?? (hasNext ? rest.shift() : undefined);
    // A script may pass an unset variable. An empty folder would be the default one, an empty host every address.
    if (value === undefined || value.trim() === '')
      throw new UsageError(`--${option} is empty: give it a value, or leave it out.`);
    const all = [value];
    while (spec.also && rest[0] !== undefined && spec.also.test(rest[0])) all.push(rest.shift() ?? '');
    const before = spec.multiple ? values[option] : undefined;
    values[option] = [...(before === undefined ? [] : [before]), ...all].join(' ');
  }
  return { values, positionals };
}

/** The number that an option was given. */
export function numberOf(values: OptionValues, option: string): number | undefined {
  const value = values[option];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || !/^\d+(\.\d+)?$/.test(value))
    throw new UsageError(`--${option} takes a number, not "${String(value)}".`);
  return Number(value);
}

/** @throws UsageError when it is not a whole number in the range */
export function readCount(
  values: OptionValues,
  option: string,
  min: number,
  max: number,
): number | undefined {
  const count = numberOf(values, option);
  if (count !== undefined && (!Number.isInteger(count) || count < min || count > max))
    throw new UsageError(`--${option} must be a whole number from ${min} to ${max}.`);
  return count;
}

/**
 * @param saved settings that the options change, in the place of a preset's
 * @throws UsageError that names the option
 */
export function readAttack(values: OptionValues, saved?: AttackSettingsInput): AttackSettings {
  // Nothing else is asked of such a cluster: what it is for.
  const isPlain =
    !saved &&
    ['requests', 'rate', 'stages', 'fault', 'chaos'].every((option) => values[option] === undefined);
  const preset = values['preset'] ?? (values['ha'] === true && isPlain ? 'failover' : undefined);
  const found = ATTACK_PRESETS.find(({ id }) => id === preset);
  if (preset !== undefined && saved) throw new UsageError('--preset does not go with --profile.');
  if (preset !== undefined && !found)
    throw new UsageError(
      `--preset knows ${ATTACK_PRESETS.map(({ id }) => id).join(', ')}, not "${String(preset)}".`,
    );
  const given: Record<string, unknown> = Object.fromEntries(
    ATTACK_SETTINGS.map(({ field, option, choices, isText }) => [
      field,
      choices || isText ? values[option] : numberOf(values, option),
    ]).filter(([, value]) => value !== undefined),
  );
  const base: Record<string, unknown> = { ...(saved ?? found?.settings) };
  const own = ATTACK_SETTINGS.filter((setting) => setting.profile !== undefined);
  const [first, ...others] = own.filter(({ field }) => field in given);
  const clash = others.find((setting) => setting.profile !== first?.profile);
  if (first && clash)
    throw new UsageError(
      `--${first.option} does not go with --${clash.option}: take --requests, or --rate with --duration, or --stages.`,
    );
  const profile = first?.profile ?? base['profile'] ?? 'burst';
  for (const setting of own) if (setting.profile !== profile) delete base[setting.field];
  const read = (more: object) =>
    readSettings({ ...base, ...given, ...more, profile }, 'connections' in given);
  const chaos = readCount(values, 'chaos', 0, 2 ** 31 - 1);
  if (chaos === undefined) return read({});
  const calm = read({});
  const endMs = paceFor(calm)?.endMs;
  const sellsOut = totalStock(calm) < totalRequests(calm);
  const random = chaosFaults(chaos, endMs && endMs / 1_000, sellsOut, values['ha'] === true);
  const faults = [given['faults'] ?? base['faults'], random];
  return read({ faults: faults.filter(Boolean).join(' ') });
}

function readSettings(settings: object, hasConnections: boolean): AttackSettings {
  const parsed = attackSettingsSchema.safeParse(settings);
  const found = parsed.success ? contradictionOf(parsed.data) : undefined;
  if (parsed.success && !found) return clampConnections(parsed.data, hasConnections);
  const issue = found ?? parsed.error?.issues[0];
  const field = found?.field ?? String(parsed.error?.issues[0]?.path[0] ?? '');
  throw new UsageError(`--${optionOf(field)}: ${issue?.message ?? 'is not usable'}.`);
}

/** Limits the default number of sockets to the number of requests. */
function clampConnections(settings: AttackSettings, wasGiven: boolean): AttackSettings {
  if (settings.profile !== 'burst' || settings.connections <= settings.requests) return settings;
  if (wasGiven)
    throw new UsageError(
      `--connections ${settings.connections} is more than --requests ${settings.requests}: each socket needs a request.`,
    );
  return { ...settings, connections: settings.requests };
}

/** The terminal's options that ask for this attack: what differs from the defaults. */
export function settingsAsOptions(attack: AttackSettings): string {
  const given: Readonly<Partial<Record<AttackField, number | string | undefined>>> = attack;
  return ATTACK_SETTINGS.flatMap(({ field, option, isText, default: usual }) => {
    const value = given[field];
    if (value === undefined || value === usual) return [];
    const words = isText ? String(value).split(' ') : [String(value)];
    return words.map((word) => `--${option} ${quoted(word)}`);
  }).join(' ');
}

/** A word as a shell takes it. */
export const quoted = (word: string): string =>
  /^[\w./:@%,+=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** The words of a command line, as a shell reads them: quotes, backslashes, and lines that go on. */
export function shellWords(text: string): string[] {
  const words: string[] = [];
  const pattern = /\s+|\\\n|'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])|([^\s'"\\]+)|(['"\\])/g;
  let isOpen = false;
  for (const [all, single, double, escaped, plain, stray] of text.trim().matchAll(pattern)) {
    if (stray !== undefined) throw new UsageError('A quote of the command is not closed.');
    if (/^\s/.test(all) || all === '\\\n') {
      isOpen = false;
      continue;
    }
    const part = single ?? double?.replaceAll(/\\(["\\$`])/g, '$1') ?? escaped ?? plain ?? '';
    if (isOpen) words[words.length - 1] += part;
    else words.push(part);
    isOpen = true;
  }
  return words;
}

/** Options of a command whose attack is another one than its settings say. */
const UNFIT: Readonly<Record<string, string>> = {
  profile: 'open the file instead',
  versus: 'two set-ups are compared in the terminal',
};

/**
 * The attack that a command line makes, whatever starts the program.
 * @returns also the options that are no part of an attack
 * @throws UsageError that names the option
 */
export function readCommandLine(text: string): {
  readonly settings: AttackSettings;
  readonly others: readonly string[];
} {
  const words = shellWords(text);
  const at = words.findIndex((word) => word.startsWith('--') && word !== '--');
  if (at < 0 && !words.some((word) => word === 'attack' || word === 'demo'))
    throw new UsageError('This is no attack: paste a command such as flashgrid attack --requests 5000.');
  const others: string[] = [];
  const { values } = readOptions(at < 0 ? [] : words.slice(at), ATTACK_OPTIONS, (option) => {
    const why = UNFIT[option];
    if (why !== undefined) throw new UsageError(`--${option}: ${why}.`);
    others.push(option);
  });
  return { settings: readAttack(values), others };
}
