import { useEffect } from 'react';
import { callOrNotify } from '../client.ts';
import { useControl, useData } from '../store/store.ts';

/** Launches the pending attack as soon as the cluster runs; drops it when the start fails. */
export function usePendingLaunch(): void {
  const pending = useControl((state) => state.pendingLaunch);
  const clusterState = useData((data) => data.cluster.state);
  useEffect(() => {
    if (!pending || clusterState === undefined) return;
    if (clusterState === 'running') {
      useControl.setState({ pendingLaunch: undefined });
      void ('how' in pending
        ? callOrNotify('campaign.start', { plan: pending })
        : callOrNotify('attack.launch', pending));
    }
    if (clusterState === 'failed') useControl.setState({ pendingLaunch: undefined });
  }, [pending, clusterState]);
}
