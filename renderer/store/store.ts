/** The one store of the window. Components read it through narrow selectors, so that ten updates a second redraw only what changed. */
import { create } from 'zustand';
import type { AttackSettings } from '../../contract/attack-settings.ts';
import type { ConnectionStatus } from '../../contract/client.ts';
import type { ControlData } from './reducer.ts';

export interface ControlStore {
  readonly status: ConnectionStatus;
  /** The two sides disagree on the contract: said once, as a banner. */
  readonly problem: string | undefined;
  readonly data: ControlData | undefined;
  /** An attack to launch as soon as the cluster runs. */
  readonly pendingLaunch: AttackSettings | undefined;
  /** The finished run that the person has put away to set up another. */
  readonly dismissedRunId: string | undefined;
}

export const useControl = create<ControlStore>()(() => ({
  status: { state: 'connecting' },
  problem: undefined,
  data: undefined,
  pendingLaunch: undefined,
  dismissedRunId: undefined,
}));

/** A part of the control centre's data; undefined before the first snapshot. */
export function useData<Value>(select: (data: ControlData) => Value): Value | undefined {
  return useControl((state) => (state.data ? select(state.data) : undefined));
}

/** Whether the control centre answers and its state is known. */
export function useIsOnline(): boolean {
  return useControl((state) => state.status.state === 'online' && state.data !== undefined);
}
