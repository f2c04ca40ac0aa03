/** The store of the window. Narrow selectors keep ten updates a second from redrawing what did not change. */
import { create } from 'zustand';
import type { AttackSettings } from '../../contract/attack-settings.ts';
import type { CampaignPlan } from '../../contract/campaign.ts';
import type { ConnectionStatus } from '../../contract/client.ts';
import type { ControlData } from './reducer.ts';

export interface ChosenShop {
  readonly file: string;
  readonly text: string;
  /** The person says that it is theirs: it may have any address. */
  readonly isOwn: boolean;
}

export interface ControlStore {
  readonly status: ConnectionStatus;
  /** The page and the control centre disagree on the contract; shown as a banner. */
  readonly problem: string | undefined;
  readonly data: ControlData | undefined;
  /** What to launch as soon as the cluster runs: one attack, or several. */
  readonly pendingLaunch: AttackSettings | CampaignPlan | undefined;
  /** The adapter of another shop, which the form attacks in the place of ours. */
  readonly shop: ChosenShop | undefined;
  /** The finished run that the user closed to set up another attack. */
  readonly dismissedRunId: string | undefined;
}

export const useControl = create<ControlStore>()(() => ({
  status: { state: 'connecting' },
  problem: undefined,
  data: undefined,
  pendingLaunch: undefined,
  shop: undefined,
  dismissedRunId: undefined,
}));

/** A part of the control centre's data; undefined before the first snapshot. */
export function useData<Value>(select: (data: ControlData) => Value): Value | undefined {
  return useControl((state) => (state.data ? select(state.data) : undefined));
}

/** Whether the control centre is connected and its state is known. */
export function useIsOnline(): boolean {
  return useControl((state) => state.status.state === 'online' && state.data !== undefined);
}
