/** The client of this window: the preload's bridge under Electron, else a WebSocket to the page's origin. */
import { connectSocket, type ConnectedClient } from '../contract/client.ts';
import type { CommandInput, CommandName, CommandOutput, Result } from '../contract/contract.ts';
import { SOCKET_PATH } from '../contract/wire.ts';
import { clearFailure, notifyFailure } from './components/notify.tsx';
import { useControl } from './store/store.ts';
import { createBridgeClient } from './transport/bridge-transport.ts';

function reportProblem(problem: string): void {
  useControl.setState({ problem });
}

const RECONNECT = { firstMs: 600, maxMs: 9_000 };

function openSocket(): WebSocket {
  const { protocol, host } = window.location;
  return new WebSocket(`${protocol === 'https:' ? 'wss' : 'ws'}://${host}${SOCKET_PATH}`);
}

export const client: ConnectedClient = window.flashgrid
  ? createBridgeClient(window.flashgrid, reportProblem)
  : connectSocket({
      createSocket: openSocket,
      reconnect: RECONNECT,
      lostFix: 'FlashGrid reconnects by itself. Check the state that it shows then, and try again if needed.',
      otherVersionFix: 'Reload the page: the control centre may be of another version.',
      onProblem: reportProblem,
    });

/** Calls a command and returns its result; the caller shows a failure. */
export function call<Name extends CommandName>(
  name: Name,
  input: CommandInput<Name>,
): Promise<Result<CommandOutput<Name>>> {
  return client.call(name, input);
}

/** Failures that are not shown, since the user caused them: they called the start off. */
const CALLED_OFF: readonly string[] = ['cluster.cancelled'];

/** Calls a command; shows a failure as a notification, and returns undefined then. */
export async function callOrNotify<Name extends CommandName>(
  name: Name,
  input: CommandInput<Name>,
): Promise<CommandOutput<Name> | undefined> {
  const result = await client.call(name, input);
  if (result.ok) {
    clearFailure(name);
    return result.value;
  }
  if (!CALLED_OFF.includes(result.error.code)) notifyFailure(result.error, name);
  return undefined;
}
