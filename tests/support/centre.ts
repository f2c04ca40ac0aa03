/** A control centre in this process, with a data folder and a native cluster of its own. */
import { ControlCentre, type ControlCentreOptions } from '../../control/control-centre.ts';
import type { CommandInput, CommandName } from '../../contract/contract.ts';
import type { AttackState } from '../../contract/state.ts';
import { BUILT } from './fleet.ts';
import { newDataDir, removeClusters } from './native-clusters.ts';

/**
 * The control centre, and the last that it told of an attack.
 * @param undo gets what ends it
 */
export async function openControlCentre(
  undo: (() => unknown)[],
  options: Partial<ControlCentreOptions> = {},
) {
  undo.push(removeClusters);
  const centre = await ControlCentre.open({
    dataDir: newDataDir(),
    version: '0.0.0-test',
    modules: BUILT,
    childEnv: { FLASHGRID_LOG_LEVEL: 'warn' },
    onQuit: () => undefined,
    ...options,
  });
  undo.push(() => centre.release());
  const ask = async <Name extends CommandName>(name: Name, input: CommandInput<Name>) => {
    const result = await centre.call(name, input);
    if (!result.ok) throw new Error(`${name}: ${result.error.message}`);
    return result.value;
  };
  const told: { attack?: AttackState } = {};
  centre.on('attack.stateChanged', ({ attack }) => (told.attack = attack));
  const isOver = () => ['finished', 'failed', 'cancelled'].includes(told.attack?.phase ?? '');
  return { centre, ask, told, isOver };
}
