/** The contract over Electron's preload. Both ends start and end together, so this client is always online. */
import { createClient, type ConnectedClient } from '../../contract/client.ts';
import type { FlashgridBridge } from './bridge.ts';

/** @param onProblem called for an event that the contract does not know */
export function createBridgeClient(
  bridge: FlashgridBridge,
  onProblem: (problem: string) => void,
): ConnectedClient {
  return {
    ...createClient(bridge, { otherVersionFix: 'Restart FlashGrid.', onProblem }),
    onStatus(listener) {
      listener({ state: 'online' });
      return () => undefined;
    },
    retryNow: () => undefined,
    close: () => undefined,
  };
}
