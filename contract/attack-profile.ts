/**
 * A saved attack with a name: a preset of the user. It is kept in the settings, and as a file `NAME.flashgrid.json` it goes to other
 * machines and into a repository.
 */
import { z } from 'zod';
import '../services/shared/plain-issues.ts';
import { attackSettingsSchema, type AttackSettings } from './attack-settings.ts';
import { FailureError } from './failure.ts';

export const PROFILE_SUFFIX = '.flashgrid.json';
const FORMAT = 'flashgrid.profile/1';

export const attackProfileSchema = z.strictObject({
  format: z.literal(FORMAT),
  /** What it is called in lists. */
  name: z.string().trim().min(1).max(60),
  attack: attackSettingsSchema,
});
export type AttackProfile = z.infer<typeof attackProfileSchema>;

export const profileOf = (name: string, attack: AttackSettings): AttackProfile => ({
  format: FORMAT,
  name,
  attack,
});

/** The content of its file. */
export const profileText = (profile: AttackProfile): string => `${JSON.stringify(profile, null, 2)}\n`;

/** `Two clicks` is in `two-clicks.flashgrid.json`. */
export const profileFileName = (name: string): string =>
  `${
    name
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-|-$/g, '') || 'attack'
  }${PROFILE_SUFFIX}`;

/**
 * Reads the content of such a file.
 * @param file its name, for the message
 * @throws FailureError `profile.badFile`, naming the field
 */
export function parseProfile(text: string, file: string): AttackProfile {
  const bad = (field: string, problem: string) =>
    new FailureError({
      code: 'profile.badFile',
      field,
      message: `${file}: ${field} ${problem}.`,
      fix: 'Save the attack as a file again, or correct that field. docs/attack-profile.schema.json says what it takes.',
    });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw bad('the file', 'is not JSON');
  }
  const format: unknown = Reflect.get(Object(json), 'format');
  if (format !== FORMAT && /^flashgrid\.profile\/\d+$/.test(String(format)))
    throw bad('format', `is ${String(format)}: a newer FlashGrid wrote it; this one reads ${FORMAT}`);
  const parsed = attackProfileSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw bad(issue?.path.join('.') || 'the file', issue?.message ?? 'is not usable');
}
