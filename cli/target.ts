/** The option `--target`: reads the adapter, and refuses what does not go with it. */
import { NOT_OF_OTHER_SHOPS, unfitForOthers } from '../contract/adapter.ts';
import { ATTACK_SETTINGS, type AttackSettings } from '../contract/attack-settings.ts';
import { FailureError } from '../contract/failure.ts';
import { readTarget } from '../control/target/read-target.ts';
import type { TargetOrder } from '../control/target/ask-for-target.ts';
import { requireModest, requireNearby } from '../control/target/target-limits.ts';
import { UsageError, type OptionValues } from '../contract/attack-options.ts';

/** Options of our own shop, and why another has none of them. */
const UNFIT: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ATTACK_SETTINGS.map(({ field, option }) => [option, NOT_OF_OTHER_SHOPS[field] ?? '']).filter(
      ([, why]) => why !== '',
    ),
  ),
  versus: 'attack each set-up with --repeat, and compare the two groups with `compare`',
  chaos: 'name the faults with --fault: they must break what the shop uses',
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
  const unfit = unfitForOthers(settings);
  if (unfit) {
    // What no option said is of the preset.
    const said = ['behaviours', 'slo', 'faults'].includes(unfit.field);
    const option = ATTACK_SETTINGS.find(({ field }) => field === unfit.field)?.option ?? unfit.field;
    throw new UsageError(
      `${said ? `--${option} ${unfit.what}` : values['preset'] === undefined ? 'That profile' : `--preset ${String(values['preset'])}`} does not go with --target: ${unfit.why}.`,
    );
  }
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
