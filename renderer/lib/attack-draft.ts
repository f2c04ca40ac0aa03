/** The fields of the attack form as typed, which may not be a valid attack yet. */
import { NOT_OF_OTHER_SHOPS, unfitForOthers } from '../../contract/adapter.ts';
import { ATTACK_PRESETS, type AttackPreset } from '../../contract/attack-presets.ts';
import {
  ATTACK_SETTINGS,
  attackSettingsSchema,
  type AttackField,
  type AttackSettings,
  type AttackSettingsInput,
} from '../../contract/attack-settings.ts';
import { contradictionOf } from '../../contract/attack-contradictions.ts';
import type { AttackProfile } from '../../contract/attack-profile.ts';
import { titleOf } from '../../contract/run-text.ts';
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

/**
 * The attack that a form describes, or an error for each wrong field.
 * @param isOtherShop what only our own shop has is left out
 */
export function parseDraft(
  draft: AttackDraft,
  isOtherShop = false,
):
  | { readonly ok: true; readonly settings: AttackSettings }
  | { readonly ok: false; readonly errors: DraftErrors } {
  const fields = ATTACK_SETTINGS.filter(
    ({ field, profile = draft.profile, whenEmpty }) =>
      !(isOtherShop && field in NOT_OF_OTHER_SHOPS) &&
      profile === draft.profile &&
      !(whenEmpty !== undefined && draft[field] === ''),
  ).map(({ field }) => [field, draft[field]] as const);
  const parsed = attackSettingsSchema.safeParse({ profile: draft.profile, ...Object.fromEntries(fields) });
  if (parsed.success) {
    const unfit = isOtherShop ? unfitForOthers(parsed.data) : undefined;
    const found = unfit
      ? { field: unfit.field, message: `${unfit.what} does not go with another shop: ${unfit.why}` }
      : contradictionOf(parsed.data);
    return found
      ? { ok: false, errors: { [found.field]: sentence(found.message) } }
      : { ok: true, settings: parsed.data };
  }
  const errors: Record<string, string> = {};
  for (const { path, message } of parsed.error.issues) {
    errors[String(path[0] ?? 'form')] ??= sentence(message);
  }
  return { ok: false, errors };
}

/** Ready-made attacks, and after them those that the user saved. */
export function presetsWith(profiles: readonly AttackProfile[]): readonly AttackPreset[] {
  const saved = profiles.map(({ name, attack }) => ({
    id: `saved:${name}`,
    title: name,
    summary: `Saved: ${titleOf(attack)}.`,
    settings: attack,
    isMinor: true as const,
  }));
  return [...ATTACK_PRESETS, ...saved];
}

/** The preset that a form equals, if any. */
export function presetOf(draft: AttackDraft, presets = ATTACK_PRESETS): AttackPreset | undefined {
  const text = JSON.stringify(draft);
  return presets.find(({ settings }) => JSON.stringify(toDraft(settings)) === text);
}
