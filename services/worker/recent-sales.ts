/** The sales of which a worker had frames last, so that it can look after them when Redis has started again. */
export class RecentSales {
  readonly #max: number;
  /** Sale → its generation, the one with the newest frame last. */
  readonly #generations = new Map<string, number>();

  /** @param max sales that are kept; any other is rebuilt by its next frame */
  constructor(max = 1_000) {
    this.#max = max;
  }

  note(saleId: string, generation: number): void {
    this.#generations.delete(saleId);
    this.#generations.set(saleId, generation);
    if (this.#generations.size <= this.#max) return;
    for (const [oldest] of this.#generations) {
      this.#generations.delete(oldest);
      return;
    }
  }

  /** Leaves the sale to its next frame. */
  forget(saleId: string): void {
    this.#generations.delete(saleId);
  }

  /** Sale and generation, the one with the newest frame first. */
  newestFirst(): (readonly [saleId: string, generation: number])[] {
    return [...this.#generations].reverse();
  }
}
