/**
 * Keeps the store up to date: subscribes first, asks for the snapshot second, and ignores events that are older than
 * it. Events are collected and applied once a frame.
 */
import type { ConnectedClient } from '../../contract/client.ts';
import { eventNames, type EventName } from '../../contract/contract.ts';
import { applyEvent, fromSnapshot, type ControlData } from './reducer.ts';
import { useControl } from './store.ts';

/** ms that a hidden window, which gets no frames, may hold events back. */
const HIDDEN_FLUSH_MS = 1_000;
const SNAPSHOT_RETRY_MS = 1_000;
/** Events that may wait for the snapshot or the next frame; with more, a new snapshot is cheaper. */
export const MAX_WAITING = 5_000;

/** What an event does to the state. */
type Change = (data: ControlData) => ControlData;

/** Runs a task at the next frame, or after a second if no frame is drawn. */
function nextFrame(task: () => void): void {
  let isDone = false;
  const once = (): void => {
    if (isDone) return;
    isDone = true;
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    task();
  };
  const frame = requestAnimationFrame(once);
  const timer = setTimeout(once, HIDDEN_FLUSH_MS);
}

/** Connects a client with the store; returns the function that disconnects it. */
export function connectStore(
  client: ConnectedClient,
  schedule: (task: () => void) => void = nextFrame,
): () => void {
  let waiting: Change[] = [];
  let isScheduled = false;
  let isLive = false;
  let connection = 0;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;

  const flush = (): void => {
    isScheduled = false;
    const { data } = useControl.getState();
    // Events wait until the snapshot is here.
    if (!data || !isLive) return;
    const changes = waiting;
    waiting = [];
    useControl.setState({ data: changes.reduce((state, change) => change(state), data) });
  };
  const push = (change: Change): void => {
    waiting.push(change);
    if (waiting.length > MAX_WAITING) {
      startOver();
      return;
    }
    if (isScheduled || !isLive) return;
    isScheduled = true;
    schedule(flush);
  };

  const loadSnapshot = async (of: number): Promise<void> => {
    const result = await client.call('app.getSnapshot', {});
    if (of !== connection) return;
    if (!result.ok) {
      if (result.error.code === 'client.unknownAnswer')
        useControl.setState({ problem: result.error.message });
      retryTimer = setTimeout(() => void loadSnapshot(of), SNAPSHOT_RETRY_MS);
      return;
    }
    isLive = true;
    useControl.setState((state) => ({ data: fromSnapshot(result.value, state.data), problem: undefined }));
    flush();
  };

  /** Asks for a new snapshot. Keeps the newest events: one of them may be `app.quitting`, the last of all. */
  const startOver = (): void => {
    waiting = waiting.slice(-MAX_WAITING / 10);
    // A snapshot is on its way already.
    if (!isLive) return;
    isLive = false;
    connection++;
    void loadSnapshot(connection);
  };

  const subscribe = <Name extends EventName>(name: Name): (() => void) =>
    client.on(name, (payload) => push((data) => applyEvent(data, name, payload)));
  const undo = [
    ...eventNames.map((name) => subscribe(name)),
    client.onStatus((status) => {
      useControl.setState({ status });
      connection++;
      clearTimeout(retryTimer);
      // Applies what the last frame brought: no later snapshot would contain `app.quitting`.
      flush();
      isLive = false;
      if (status.state !== 'online') {
        // The next snapshot contains their changes.
        waiting = [];
        return;
      }
      void loadSnapshot(connection);
    }),
  ];
  return () => {
    connection++;
    clearTimeout(retryTimer);
    for (const end of undo) end();
  };
}
