/** The one carrier of this window, chosen at start: the preload's bridge under Electron, else a WebSocket to the page's own origin. */
import type { CommandInput, CommandName, CommandOutput, Result } from '../contract/contract.ts';
import { forgetFailure, notifyFailure } from './components/notify.tsx';
import { useControl } from './store/store.ts';
import { createBridgeCarrier } from './transport/bridge-transport.ts';
import type { Carrier } from './transport/transport.ts';
import { createWebSocketCarrier } from './transport/web-socket-transport.ts';

function reportProblem(problem: string): void {
  useControl.setState({ problem });
}

function webSocketUrl(): string {
  const { protocol, host } = window.location;
  return `${protocol === 'https:' ? 'wss' : 'ws'}://${host}/ws`;
}

export const carrier: Carrier = window.flashgrid
  ? createBridgeCarrier(window.flashgrid, reportProblem)
  : createWebSocketCarrier(webSocketUrl(), reportProblem);

/** Calls a command and answers its result; the caller shows a failure. */
export function call<Name extends CommandName>(
  name: Name,
  input: CommandInput<Name>,
): Promise<Result<CommandOutput<Name>>> {
  return carrier.call(name, input);
}

/** Answers to what a person has called off themselves: they know, and an alarm would only stand in the way of the next click. */
const CALLED_OFF: readonly string[] = ['cluster.cancelled'];

/** Calls a command; a failure is shown as a notification and gives undefined. */
export async function callOrNotify<Name extends CommandName>(
  name: Name,
  input: CommandInput<Name>,
): Promise<CommandOutput<Name> | undefined> {
  const result = await carrier.call(name, input);
  if (result.ok) {
    forgetFailure(name);
    return result.value;
  }
  if (!CALLED_OFF.includes(result.error.code)) notifyFailure(result.error, name);
  return undefined;
}
