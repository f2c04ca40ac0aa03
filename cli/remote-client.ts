/** The contract over the WebSocket of a control centre in another process, such as `flashgrid up`. */
import { WebSocket } from 'ws';
import { connectSocket, lostFailure } from '../contract/client.ts';
import type { ControlClient } from '../contract/contract.ts';
import { FailureError } from '../contract/failure.ts';
import { SOCKET_PATH } from '../contract/wire.ts';
import { commandLine } from '../control/lib/command-line.ts';
import { watchPulse } from '../services/shared/pulse.ts';

/** ms within which a control centre on this machine must accept the connection. */
const CONNECT_LIMIT_MS = 5_000;
/** ms between two pings. */
const PULSE_MS = 10_000;
/** Pings in a row without an answer that count as a lost connection: a laptop's sleep alone must not. */
const MAX_SILENT_PULSES = 3;

export interface RemoteAddress {
  /** As a URL names it. */
  readonly host: string;
  readonly port: number;
  readonly token: string;
}

export interface RemoteClient extends ControlClient {
  /** Rejects when the connection is lost; an unused promise causes no unhandled rejection. */
  readonly lost: Promise<never>;
  close(): void;
}

/** @throws FailureError `remote.noAnswer` */
export async function connectRemote(
  { host, port, token }: RemoteAddress,
  limitMs = CONNECT_LIMIT_MS,
): Promise<RemoteClient> {
  const socket = new WebSocket(`ws://${host}:${port}${SOCKET_PATH}`, {
    headers: { authorization: `Bearer ${token}` },
    handshakeTimeout: limitMs,
  });
  const lostFix = `Check with \`${commandLine('status')}\` whether it still runs; \`${commandLine('down')}\` clears what it left.`;
  const otherVersionFix = `Stop it (\`${commandLine('down')}\`) and start it with this version.`;
  const client = connectSocket({ createSocket: () => socket, lostFix, otherVersionFix });
  const lost = new Promise<never>((_, reject) => {
    socket.once('close', () => reject(new FailureError(lostFailure(lostFix))));
  });
  lost.catch(() => undefined);
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    // Stays attached: an error without a listener would end the process. `close` follows.
    socket.on('error', (cause) =>
      reject(
        new FailureError(
          {
            code: 'remote.noAnswer',
            message: 'A FlashGrid process exists but does not answer.',
            fix: `End it (\`${commandLine('down')}\`), then try again.`,
          },
          { cause },
        ),
      ),
    );
  });
  watchPulse(socket, PULSE_MS, MAX_SILENT_PULSES);
  return { ...client, lost };
}
