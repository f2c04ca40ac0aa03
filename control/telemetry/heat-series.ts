/** How long answers took, over time, in bounded memory: when it is full, neighbours are merged and the grain doubles. */
import { HEAT_EDGES_MS } from '../attack/runner/interval-merger.ts';
import { halved } from '../../contract/halved.ts';
import type { LatencyHeat } from '../../contract/run-record.ts';

const MAX_COLUMNS = 80;

type Column = LatencyHeat['columns'][number];

const merged = (first: Column, second: Column): Column => ({
  tMs: second.tMs,
  counts: second.counts.map((count, row) => count + (first.counts[row] ?? 0)),
});

export class HeatSeries {
  #columns: Column[] = [];
  /** Intervals that make one column, and those in the last one. */
  #grain = 1;
  #inLast = 0;

  /** Adds the next interval. */
  add({ tMs, latencyCounts }: { readonly tMs: number; readonly latencyCounts: readonly number[] }): void {
    const column = { tMs, counts: [...latencyCounts] };
    const last = this.#columns.at(-1);
    if (last && this.#inLast < this.#grain) {
      this.#columns[this.#columns.length - 1] = merged(last, column);
      this.#inLast++;
      return;
    }
    this.#columns.push(column);
    this.#inLast = 1;
    if (this.#columns.length <= MAX_COLUMNS) return;
    // Their number is odd now: the last one stays alone, and is filled up.
    this.#columns = halved(this.#columns, merged);
    this.#grain *= 2;
  }

  /** `undefined` before the first interval. */
  data(): LatencyHeat | undefined {
    return this.#columns.length === 0
      ? undefined
      : { edgesMs: [...HEAT_EDGES_MS], columns: [...this.#columns] };
  }
}
