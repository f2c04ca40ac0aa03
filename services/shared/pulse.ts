/**
 * Whether the other end of a WebSocket is alive. TCP alone does not notice a frozen process or an unplugged
 * cable.
 */

/** The part of a `ws` socket that is used here. */
export interface PulseSocket {
  ping(): void;
  terminate(): void;
  on(event: 'message' | 'pong' | 'close', listener: () => void): unknown;
}

/**
 * Pings an open socket, and ends it after more than `maxSilent` pings in a row without an answer or a
 * message.
 */
export function watchPulse(socket: PulseSocket, intervalMs: number, maxSilent: number): void {
  let silent = 0;
  const isAlive = (): void => {
    silent = 0;
  };
  const timer = setInterval(() => {
    if (++silent > maxSilent) socket.terminate();
    else socket.ping();
  }, intervalMs);
  socket.on('message', isAlive);
  socket.on('pong', isAlive);
  socket.on('close', () => clearInterval(timer));
}
