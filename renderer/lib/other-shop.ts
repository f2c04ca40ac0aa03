/** The shop of the form that is not FlashGrid's own. */
import { UNDERSELL_UNTOLD, dataOf, notJudgedWith, parseAdapter } from '../../contract/adapter.ts';
import { CHECKS, CHECK_IDS } from '../../contract/checks.ts';
import type { CommandInput } from '../../contract/contract.ts';
import { FailureError } from '../../contract/failure.ts';
import type { Target } from '../../contract/target.ts';
import type { ChosenShop } from '../store/store.ts';

export type TargetInput = Pick<CommandInput<'attack.launchTarget'>, 'target' | 'isOwn'>;

/** The target that an adapter describes, or what is wrong with it. */
export function readShop({
  file,
  text,
}: ChosenShop): { readonly target: Target } | { readonly problem: string } {
  if (/\.m?js$/.test(file))
    return {
      problem: 'A module is code, which a page can not run: attack it from a terminal with --target.',
    };
  try {
    return { target: parseAdapter(file, text) };
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    return { problem: error.failure.message };
  }
}

/** What an attack on it is launched with; missing while its adapter is wrong. */
export function targetInput(shop: ChosenShop | undefined): TargetInput | undefined {
  const read = shop && readShop(shop);
  return shop && read && 'target' in read ? { target: read.target, isOwn: shop.isOwn } : undefined;
}

/** The checks that an adapter has data for, and why it has none for the others. */
export function judgedOf({ use }: Target): {
  readonly judged: readonly string[];
  readonly notJudged: readonly (readonly [check: string, why: string])[];
} {
  if (!('declared' in use)) return { judged: [], notJudged: [] };
  const data = dataOf(use.declared);
  const why = {
    ...notJudgedWith(data),
    ...(!data.tellsSoldOut && { no_undersell: UNDERSELL_UNTOLD }),
  };
  return {
    judged: CHECK_IDS.filter((id) => why[id] === undefined).map((id) => CHECKS[id].shortName),
    notJudged: CHECK_IDS.flatMap((id) => {
      const reason = why[id];
      return reason === undefined ? [] : [[CHECKS[id].shortName, reason] as const];
    }),
  };
}
