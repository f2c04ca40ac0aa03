/**
 * Sends events to the window in batches; the next batch leaves when the page has handled the last. A page that hangs
 * (at a breakpoint, or on a sleeping machine) leaves a bounded queue here instead of an unbounded one in the pipe.
 *
 * States: away (no page: drops events, since a new page takes a snapshot) → idle (the page waits) → busy (a batch is
 * on its way) → idle …
 */
import type { EventName } from '../contract/contract.ts';
import type { EventMessage } from '../contract/wire.ts';

/** Lines and samples that may wait for a page: minutes at full load. */
const MAX_WAITING_ITEMS = 50_000;

/** Events that contain a whole state, so that only the newest matters. */
const STATES: ReadonlySet<EventName> = new Set([
  'cluster.stateChanged',
  'services.stateChanged',
  'telemetry.statsSampled',
  'sales.salesChanged',
  'attack.stateChanged',
  'matrix.stateChanged',
  'settings.settingsChanged',
  'app.noticesChanged',
]);

export interface EventForwarderOptions {
  send(batch: readonly EventMessage[]): void;
  /** The page is so far behind that events are lost: it must be reloaded. */
  onOverflow(): void;
  readonly maxWaitingItems?: number;
}

export class EventForwarder {
  readonly #options: EventForwarderOptions;
  #state: 'away' | 'idle' | 'busy' = 'away';
  #waiting: { readonly name: EventName; readonly payload: object; readonly items: number }[] = [];
  #waitingItems = 0;

  constructor(options: EventForwarderOptions) {
    this.#options = options;
  }

  push(name: EventName, payload: object): void {
    if (this.#state === 'away') return;
    if (STATES.has(name)) this.#drop(name);
    const items = countItems(payload);
    this.#waiting.push({ name, payload, items });
    this.#waitingItems += items;
    if (this.#state === 'idle') return this.#flush();
    if (this.#waitingItems <= (this.#options.maxWaitingItems ?? MAX_WAITING_ITEMS)) return;
    this.pageGone();
    this.#options.onOverflow();
  }

  /** The page is loaded, or has handled the last batch. */
  ready(): void {
    this.#state = 'idle';
    if (this.#waiting.length > 0) this.#flush();
  }

  /** The page crashed or is being replaced. */
  pageGone(): void {
    this.#state = 'away';
    this.#waiting = [];
    this.#waitingItems = 0;
  }

  #flush(): void {
    const batch = this.#waiting.map(({ name, payload }): EventMessage => ({ event: name, payload }));
    this.#waiting = [];
    this.#waitingItems = 0;
    this.#state = 'busy';
    this.#options.send(batch);
  }

  #drop(name: EventName): void {
    const at = this.#waiting.findIndex((event) => event.name === name);
    const [old] = at === -1 ? [] : this.#waiting.splice(at, 1);
    this.#waitingItems -= old?.items ?? 0;
  }
}

/** The size of an event: the length of its longest list, or 1. */
function countItems(payload: object): number {
  let count = 1;
  for (const value of Object.values(payload)) if (Array.isArray(value)) count = Math.max(count, value.length);
  return count;
}
