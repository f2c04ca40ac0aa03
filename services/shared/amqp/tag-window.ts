/**
 * Values by delivery tag, in the order of their tags, which rise: what waits for its confirm or its ack.
 *
 * It is no Map, since V8 links each table of a Map to the one that follows it. Once one table is old, all later ones and what they
 * held outlive their use until a full collection: 0.3 MB/s in a gateway at 9,000 reservations/s.
 */
export class TagWindow<Value extends object | boolean> {
  readonly #values: (Value | undefined)[] = [];
  /** Of the first of the values. */
  #firstTag = 1;
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  get(tag: number): Value | undefined {
    return this.#values[tag - this.#firstTag];
  }

  /** Adds a value with a tag above all before, or replaces one that is there. */
  set(tag: number, value: Value): void {
    if (this.#size === 0) this.#firstTag = tag;
    while (this.#firstTag + this.#values.length <= tag) this.#values.push(undefined);
    if (this.get(tag) === undefined) this.#size++;
    this.#values[tag - this.#firstTag] = value;
  }

  /** Whether it was there. */
  delete(tag: number): boolean {
    if (this.get(tag) === undefined) return false;
    this.#values[tag - this.#firstTag] = undefined;
    this.#size--;
    while (this.#values.length > 0 && this.#values[0] === undefined) {
      this.#values.shift();
      this.#firstTag++;
    }
    return true;
  }

  /** Tags and values; what was seen may be deleted meanwhile. */
  *[Symbol.iterator](): Generator<[tag: number, value: Value]> {
    for (let tag = this.#firstTag; tag < this.#firstTag + this.#values.length; tag++) {
      const value = this.get(tag);
      if (value !== undefined) yield [tag, value];
    }
  }
}
