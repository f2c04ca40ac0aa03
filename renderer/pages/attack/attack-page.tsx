import { useData, useControl } from '../../store/store.ts';
import { isAttackActive, isCampaignActive } from '../../lib/attack-phase.ts';
import { AttackLive } from './attack-live.tsx';
import { AttackSetup } from './attack-setup.tsx';
import { PendingLaunch } from './pending-launch.tsx';

/** The attack: the form, then the live view, then the verdict. */
export default function AttackPage() {
  const hasAttack = useData((data) => data.attack !== undefined) ?? false;
  const isActive = useData((data) => isAttackActive(data.attack) || isCampaignActive(data.campaign)) ?? false;
  const isDismissed = useControl((state) => state.dismissedRunId === state.data?.attack?.runId);
  const isPending = useControl((state) => state.pendingLaunch !== undefined);
  if (isActive) return <AttackLive />;
  if (isPending) return <PendingLaunch />;
  if (hasAttack && !isDismissed) return <AttackLive />;
  return <AttackSetup />;
}
