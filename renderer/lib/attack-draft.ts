/** The fields of the attack form as typed, which may not be a valid attack yet. */
import {
  ATTACK_PRESETS,
  ATTACK_SETTINGS,
  attackSettingsSchema,
  type AttackField,
  type AttackSettings,
  type AttackSettingsInput,
} from '../../contract/attack-settings.ts';
import { sentence } from './format.ts';

/** An optional field that is left out is empty. */
export type AttackDraft = { readonly profile: AttackSettings['profile'] } & Readonly<
  Record<AttackField, number | string>
>;

export type DraftErrors = Readonly<Partial<Record<keyof AttackDraft | 'form', string>>>;

/** The form's fields for an attack. */
export function toDraft(settings: AttackSettingsInput): AttackDraft {
  const given: Readonly<Partial<Record<AttackField, number | string | undefined>>> = settings;
  const fields = ATTACK_SETTINGS.map((setting) => [
    setting.field,
    given[setting.field] ?? setting.default ?? setting.start ?? '',
  ]);
  return { profile: settings.profile, ...(Object.fromEntries(fields) as Omit<AttackDraft, 'profile'>) };
}

/** The attack that a form describes, or an error for each wrong field. */
export function parseDraft(
  draft: AttackDraft,
):
  | { readonly ok: true; readonly settings: AttackSettings }
  | { readonly ok: false; readonly errors: DraftErrors } {
  const fields = ATTACK_SETTINGS.filter(
    ({ field, profile = draft.profile, whenEmpty }) =>
      profile === draft.profile && !(whenEmpty !== undefined && draft[field] === ''),
  ).map(({ field }) => [field, draft[field]] as const);
  const parsed = attackSettingsSchema.safeParse({ profile: draft.profile, ...Object.fromEntries(fields) });
  if (parsed.success) return { ok: true, settings: parsed.data };
  const errors: Record<string, string> = {};
  for (const { path, message } of parsed.error.issues) {
    errors[String(path[0] ?? 'form')] ??= sentence(message);
  }
  return { ok: false, errors };
}

/** The id of the preset that a form equals, if any. */
export function presetOf(draft: AttackDraft): string | undefined {
  const text = JSON.stringify(draft);
  return ATTACK_PRESETS.find(({ settings }) => JSON.stringify(toDraft(settings)) === text)?.id;
}
