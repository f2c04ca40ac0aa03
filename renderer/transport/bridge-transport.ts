/** The contract over Electron's preload. Both ends live and die together, so this client is always online. */
import { createClient, type ConnectedClient } from '../../contract/client.ts';
import type { FlashgridBridge } from './bridge.ts';

/** @param onProblem told when the other side sends an event that the contract does not know */
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
