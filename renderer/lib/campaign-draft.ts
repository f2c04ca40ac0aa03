/** The fields of several attacks as typed. */
import { UsageError } from '../../contract/attack-options.ts';
import type { AttackSettings } from '../../contract/attack-settings.ts';
import { campaignPlanSchema, readOther, type CampaignPlan } from '../../contract/campaign.ts';
import { USUAL_SEARCH, hasThreshold } from '../../contract/limit.ts';
import { sentence } from './format.ts';

export const HOWS = {
  once: 'Once',
  repeat: 'Repeat',
  versus: 'Two set-ups in turn',
  limit: 'Find the limit',
} as const;

export interface CampaignDraft {
  readonly kind: keyof typeof HOWS;
  readonly count: number | string;
  readonly isAgainstBaseline: boolean;
  /** What differs in the other set-up, as options. */
  readonly other: string;
  readonly fromPerSec: number | string;
  readonly toPerSec: number | string;
  readonly confirm: number | string;
}

export const ONCE: CampaignDraft = {
  kind: 'once',
  count: 10,
  isAgainstBaseline: false,
  other: '',
  ...USUAL_SEARCH,
};

type Problems = Readonly<Partial<Record<keyof CampaignDraft, string>>>;

/** The plan that the fields describe; none for one attack. */
export function planOf(
  { kind, count, isAgainstBaseline, other, ...search }: CampaignDraft,
  settings: AttackSettings,
): { readonly plan?: CampaignPlan; readonly problems?: Problems } {
  if (kind === 'once') return {};
  if (kind === 'limit' && settings.profile !== 'sustained')
    return { problems: { kind: 'The search sets the rate: choose “Steady rate” under “More settings”.' } };
  if (kind === 'limit' && !hasThreshold(settings))
    return { problems: { kind: 'It needs a threshold that can break, such as p99<50ms.' } };
  const setUp = { settings };
  try {
    const how = {
      repeat: () => ({ kind, count, isAgainstBaseline }),
      versus: () => ({ kind, count, other: readOther(other, setUp) }),
      limit: () => ({ kind, search }),
    }[kind]();
    const parsed = campaignPlanSchema.safeParse({ setUp, how });
    if (parsed.success) return { plan: parsed.data };
    return {
      problems: Object.fromEntries(
        parsed.error.issues.map(({ path, message }) => [String(path.at(-1)), sentence(message)]),
      ),
    };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { problems: { other: error.message } };
  }
}
