/** The option `--target`: reads the adapter, and refuses what does not go with it. */
import type { AttackSettings } from '../contract/attack-settings.ts';
import { parseBehaviours } from '../contract/behaviours.ts';
import type { Target } from '../contract/target.ts';
import { FailureError } from '../contract/failure.ts';
import { readTarget } from '../control/target/read-target.ts';
import { requireModest, requireNearby } from '../control/target/target-limits.ts';
import { UsageError, type OptionValues } from '../contract/attack-options.ts';

export interface TargetOrder {
  readonly target: Target;
  readonly isOwn: boolean;
}

const NOT_OURS = 'FlashGrid breaks only what it started itself';
/** Options of our own shop, and why another has none of them. */
const UNFIT: Readonly<Record<string, string>> = {
  stock: 'the adapter says how many units are on sale ("stock")',
  limit: 'the adapter says how many units a buyer may own ("limit")',
  mode: "it is a setting of FlashGrid's own gateway",
  keys: 'put {request} into a header of the adapter ("buy.headers")',
  versus: 'attack each set-up with --repeat, and compare the two groups with `compare`',
  fault: NOT_OURS,
  chaos: NOT_OURS,
  plant: NOT_OURS,
};

/** Behaviours for which an adapter has no words. */
const UNFIT_BEHAVIOURS: Readonly<Record<string, string>> = {
  retry: 'an adapter does not say how a request is repeated under one key',
  several: 'an adapter asks for one unit at a time',
};

/** @throws UsageError that names the option, or the field of the adapter */
export async function targetOf(
  values: OptionValues,
  settings: AttackSettings,
): Promise<TargetOrder | undefined> {
  const { target: file } = values;
  const isOwn = values['i-own-this-target'] === true;
  if (typeof file !== 'string') {
    if (isOwn) throw new UsageError('--i-own-this-target needs --target FILE.');
    return undefined;
  }
  for (const [option, why] of Object.entries(UNFIT))
    if (values[option] !== undefined) throw new UsageError(`--${option} does not go with --target: ${why}.`);
  const unfit = parseBehaviours(settings.behaviours ?? '').find(({ kind }) => UNFIT_BEHAVIOURS[kind]);
  if (unfit)
    throw new UsageError(
      `--behaviour ${unfit.kind} does not go with --target: ${UNFIT_BEHAVIOURS[unfit.kind] ?? ''}.`,
    );
  const { faults, mode, plant } = settings;
  if (faults !== undefined || plant !== undefined || mode !== 'queue')
    throw new UsageError(`--preset ${String(values['preset'])} does not go with --target: ${NOT_OURS}.`);
  if (settings.slo?.includes('time_to_sold_out'))
    throw new UsageError('--slo time_to_sold_out does not go with --target: an adapter has no data of it.');
  try {
    requireModest(settings);
    const target = await readTarget(file);
    if (!isOwn) await requireNearby(target);
    return { target, isOwn };
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    const { message, fix } = error.failure;
    throw new UsageError(`${message} ${fix}`, { cause: error });
  }
}
