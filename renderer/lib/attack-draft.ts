/** The attack form's fields: what a person has typed, which may not be an attack yet. */
import {
  ATTACK_DEFAULTS,
  ATTACK_PRESETS,
  attackSettingsSchema,
  type AttackSettings,
  type AttackSettingsInput,
} from '../../contract/attack-settings.ts';
import { sentence } from './format.ts';

type Field = number | string;

export interface AttackDraft {
  readonly profile: AttackSettings['profile'];
  readonly requests: Field;
  readonly ratePerSec: Field;
  readonly durationSec: Field;
  readonly connections: Field;
  readonly stock: Field;
  readonly perBuyerLimit: Field;
  readonly mode: string;
  readonly seed: Field;
  readonly timeoutMs: Field;
  readonly drainTimeoutMs: Field;
  /** Empty: FlashGrid chooses. */
  readonly processes: Field;
  /** Empty: nothing is broken on purpose. */
  readonly killWorkersAtPercent: Field;
  /** Empty: no such threshold. */
  readonly maxP99Ms: Field;
  readonly minRps: Field;
}

export type DraftErrors = Readonly<Partial<Record<keyof AttackDraft | 'form', string>>>;

/** The form's fields for an attack. */
export function toDraft(settings: AttackSettingsInput): AttackDraft {
  return {
    profile: settings.profile,
    requests:
      settings.profile === 'burst'
        ? (settings.requests ?? ATTACK_DEFAULTS.requests)
        : ATTACK_DEFAULTS.requests,
    ratePerSec: settings.profile === 'sustained' ? settings.ratePerSec : 2_600,
    durationSec: settings.profile === 'sustained' ? settings.durationSec : 20,
    connections: settings.connections ?? ATTACK_DEFAULTS.connections,
    stock: settings.stock ?? ATTACK_DEFAULTS.stock,
    perBuyerLimit: settings.perBuyerLimit ?? ATTACK_DEFAULTS.perBuyerLimit,
    mode: settings.mode ?? ATTACK_DEFAULTS.mode,
    seed: settings.seed ?? ATTACK_DEFAULTS.seed,
    timeoutMs: settings.timeoutMs ?? ATTACK_DEFAULTS.timeoutMs,
    drainTimeoutMs: settings.drainTimeoutMs ?? ATTACK_DEFAULTS.drainTimeoutMs,
    processes: settings.processes ?? '',
    killWorkersAtPercent: settings.killWorkersAtPercent ?? '',
    maxP99Ms: settings.maxP99Ms ?? '',
    minRps: settings.minRps ?? '',
  };
}

/** The attack that a form describes, or what is wrong with each field. */
export function parseDraft(
  draft: AttackDraft,
):
  | { readonly ok: true; readonly settings: AttackSettings }
  | { readonly ok: false; readonly errors: DraftErrors } {
  const load =
    draft.profile === 'burst'
      ? { requests: draft.requests }
      : { ratePerSec: draft.ratePerSec, durationSec: draft.durationSec };
  const optional = Object.fromEntries(
    Object.entries({
      processes: draft.processes,
      killWorkersAtPercent: draft.killWorkersAtPercent,
      maxP99Ms: draft.maxP99Ms,
      minRps: draft.minRps,
    }).filter(([, value]) => value !== ''),
  );
  const parsed = attackSettingsSchema.safeParse({
    profile: draft.profile,
    ...load,
    connections: draft.connections,
    stock: draft.stock,
    perBuyerLimit: draft.perBuyerLimit,
    mode: draft.mode,
    seed: draft.seed,
    timeoutMs: draft.timeoutMs,
    drainTimeoutMs: draft.drainTimeoutMs,
    ...optional,
  });
  if (parsed.success) return { ok: true, settings: parsed.data };
  const errors: Record<string, string> = {};
  for (const { path, message } of parsed.error.issues) {
    errors[String(path[0] ?? 'form')] ??= sentence(message);
  }
  return { ok: false, errors };
}

/** The preset that a form still equals. */
export function presetOf(draft: AttackDraft): string | undefined {
  const text = JSON.stringify(draft);
  return ATTACK_PRESETS.find(({ settings }) => JSON.stringify(toDraft(settings)) === text)?.id;
}
