/** First in, first out, of a bounded number: the connections that wait for their next request to fall due. */
export class LaneQueue<Item> {
  readonly #ring: (Item | undefined)[];
  #head = 0;
  #size = 0;

  constructor(capacity: number) {
    this.#ring = new Array<Item | undefined>(capacity).fill(undefined);
  }

  get size(): number {
    return this.#size;
  }

  push(item: Item): void {
    if (this.#size === this.#ring.length) throw new RangeError('the queue is full');
    this.#ring[(this.#head + this.#size++) % this.#ring.length] = item;
  }

  shift(): Item | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.#ring.length;
    this.#size--;
    return item;
  }
}
