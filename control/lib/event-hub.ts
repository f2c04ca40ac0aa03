/**
 * Emits the control centre's events. Each has a number, so that a frontend knows whether a snapshot is newer.
 */
import type { EventName, EventPayload } from '../../contract/contract.ts';

type Listener = (payload: never) => void;
type Unnumbered<Name extends EventName> = Omit<EventPayload<Name>, 'seq'>;

export class EventHub {
  #seq = 0;
  readonly #listeners = new Map<EventName, Set<Listener>>();
  readonly #taps = new Set<(name: EventName, payload: EventPayload<EventName>) => void>();

  /** The number of the newest event. */
  get seq(): number {
    return this.#seq;
  }

  emit<Name extends EventName>(name: Name, payload: Unnumbered<Name>): void {
    this.forward(name, { ...payload, seq: ++this.#seq } as EventPayload<Name>);
  }

  /** Passes on an event that another control centre has numbered. */
  forward<Name extends EventName>(name: Name, numbered: EventPayload<Name>): void {
    for (const listener of this.#listeners.get(name) ?? [])
      (listener as (payload: EventPayload<Name>) => void)(numbered);
    for (const tap of this.#taps) tap(name, numbered);
  }

  /** Returns the function that ends the subscription. */
  on<Name extends EventName>(name: Name, listener: (payload: EventPayload<Name>) => void): () => void {
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set);
    set.add(listener);
    return () => void set.delete(listener);
  }

  /**
   * Calls `listener` with every event, for a transport that forwards them. Returns the function that ends it.
   */
  tap(listener: (name: EventName, payload: EventPayload<EventName>) => void): () => void {
    this.#taps.add(listener);
    return () => void this.#taps.delete(listener);
  }
}
