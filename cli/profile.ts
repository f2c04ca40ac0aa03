/** Saved attacks as files: the options `--profile` and `--save-profile`. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { UsageError, quoted, type OptionValues } from '../contract/attack-options.ts';
import { PROFILE_SUFFIX, parseProfile, profileOf, profileText } from '../contract/attack-profile.ts';
import type { AttackSettings } from '../contract/attack-settings.ts';
import { FailureError } from '../contract/failure.ts';
import { writeFileAtomic } from '../control/lib/atomic-file.ts';
import { commandLine } from '../control/lib/command-line.ts';
import { errorText } from '../services/shared/error-text.ts';
import type { CommandContext } from './session.ts';

/**
 * The saved attack that `--profile` names.
 * @throws UsageError that names the file
 */
export function readProfile({ profile: file }: OptionValues): AttackSettings | undefined {
  if (typeof file !== 'string') return undefined;
  try {
    return parseProfile(readFileSync(file, 'utf8'), file).attack;
  } catch (error) {
    const why =
      error instanceof FailureError
        ? `${error.failure.message} ${error.failure.fix}`
        : `${file} can't be read: ${errorText(error)}`;
    throw new UsageError(`--profile: ${why}`, { cause: error });
  }
}

/**
 * Writes the file of `--save-profile`, if that was asked for.
 * @returns whether it was
 * @throws UsageError that names the file
 */
export function saveProfile(
  { values, out }: Pick<CommandContext, 'values' | 'out'>,
  attack: AttackSettings,
): boolean {
  const file = values['save-profile'];
  if (typeof file !== 'string') return false;
  const path = file.endsWith(PROFILE_SUFFIX) ? file : `${file.replace(/\.json$/, '')}${PROFILE_SUFFIX}`;
  const name = basename(path, PROFILE_SUFFIX).slice(0, 60) || 'attack';
  try {
    writeFileAtomic(path, profileText(profileOf(name, attack)), 0o644);
  } catch (error) {
    throw new UsageError(`--save-profile: ${path} can't be written: ${errorText(error)}`, { cause: error });
  }
  out.print(`Written: ${path}`);
  out.offer('Make it:', commandLine(`attack --profile ${quoted(path)}`));
  return true;
}
