/** The one client of this window, chosen at start: the preload's bridge under Electron, else a WebSocket to the page's own origin. */
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
      lostFix: 'FlashGrid reconnects by itself; look at the state it shows then, and try again if need be.',
      otherVersionFix: 'Reload the page: the control centre may be of another version.',
      onProblem: reportProblem,
    });

/** Calls a command and answers its result; the caller shows a failure. */
export function call<Name extends CommandName>(
  name: Name,
  input: CommandInput<Name>,
): Promise<Result<CommandOutput<Name>>> {
  return client.call(name, input);
}

/** Answers to what a person has called off themselves: they know, and an alarm would only stand in the way of the next click. */
const CALLED_OFF: readonly string[] = ['cluster.cancelled'];

/** Calls a command; a failure is shown as a notification and gives undefined. */
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
