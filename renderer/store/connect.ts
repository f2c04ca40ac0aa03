/**
 * Keeps the store in step with the control centre: subscribe first, ask for the snapshot second, ignore the older of the two.
 * Events are collected and applied once a frame, however many arrive.
 */
import type { ConnectedClient } from '../../contract/client.ts';
import { eventNames, type EventName } from '../../contract/contract.ts';
import { applyEvent, fromSnapshot, type ControlData } from './reducer.ts';
import { useControl } from './store.ts';

/** How long a hidden window, which gets no frames, may hold events back. */
const HIDDEN_FLUSH_MS = 1_000;
const SNAPSHOT_RETRY_MS = 1_000;
/** Events that may wait for the snapshot or the next frame; beyond, a new snapshot is cheaper than to apply them all. */
export const MAX_WAITING = 5_000;

/** What an event does to the state. */
type Change = (data: ControlData) => ControlData;

/** Runs a task at the next frame, or after a second where frames are not drawn. */
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

/** Connects a client with the store; returns the function that ends it. */
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
    // Before the snapshot there is nothing to apply them to: they wait for it.
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

  /** The newest events are kept: one of them may be the last that is ever told. */
  const startOver = (): void => {
    waiting = waiting.slice(-MAX_WAITING / 10);
    // Before the snapshot is here, the one that is asked for already will do.
    if (!isLive) return;
    isLive = false;
    connection++;
    void loadSnapshot(connection);
  };

  const hear = <Name extends EventName>(name: Name): (() => void) =>
    client.on(name, (payload) => push((data) => applyEvent(data, name, payload)));
  const undo = [
    ...eventNames.map((name) => hear(name)),
    client.onStatus((status) => {
      useControl.setState({ status });
      connection++;
      clearTimeout(retryTimer);
      // What came in the last frame still counts: that the control centre ends is told by no later snapshot.
      flush();
      isLive = false;
      if (status.state !== 'online') {
        // The next snapshot holds whatever these said.
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
