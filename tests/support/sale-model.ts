/**
 * What the decision script must do, said a second time and plainly: maps and loops, no keys, no texts to take apart. The property test holds
 * the script against it.
 */
import type { FrameEntry } from '../../services/shared/frame.ts';
import { askOf, keyNameOf } from '../../services/shared/ids.ts';
import type { OutcomeCode } from '../../services/shared/outcomes.ts';

export interface Answer {
  readonly code: OutcomeCode;
  readonly units: readonly number[];
}

export interface ModelFrame {
  readonly id: string;
  readonly generation: number;
  readonly entries: readonly FrameEntry[];
}

interface Remembered<Value> {
  readonly epoch: number;
  readonly value: Value;
}

/** A reservation that was granted: what a ticket says of it. */
export interface GrantedReservation {
  /** `frame index` or the digest: what makes it the same reservation. */
  readonly frameId?: string;
  readonly index?: number;
  readonly digest?: string;
  readonly userId: string;
  readonly units: readonly number[];
}

export class SaleModel {
  generation = 0;
  epoch = 0;
  stock = 0;
  limit = 1;
  status: 'open' | 'closed' = 'open';
  next = 1;
  free: number[] = [];
  held = new Map<string, number>();
  counts: Record<OutcomeCode, number> = { G: 0, S: 0, L: 0, Q: 0, C: 0, R: 0, K: 0 };
  isKnown = false;
  /** Granted in this generation and life. */
  granted: GrantedReservation[] = [];
  /** Granted, and in Postgres when the sale was rebuilt last. */
  #committed: readonly GrantedReservation[] = [];
  readonly #frames = new Map<string, Remembered<readonly Answer[]>>();
  /** Generation and key → what it was used for, and the answer, until that is forgotten. */
  readonly #keys = new Map<string, { readonly ask: string; readonly answer: Answer }>();
  /** Key → what it was granted in this generation and life: never forgotten. */
  #keyGrants = new Map<string, { readonly ask: string; readonly units: readonly number[] }>();

  get remaining(): number {
    return this.stock - this.next + 1 + this.free.length;
  }

  open(stock: number, limit: number): void {
    this.generation++;
    this.epoch++;
    Object.assign(this, { stock, limit, status: 'open', next: 1, free: [], isKnown: true });
    this.held = new Map();
    this.counts = { G: 0, S: 0, L: 0, Q: 0, C: 0, R: 0, K: 0 };
    this.granted = [];
    this.#committed = [];
    this.#keyGrants = new Map();
  }

  /** The records of all keyed reservations have reached their age. */
  expireKeys(): void {
    this.#keys.clear();
  }

  /** Starts a new life from the grants that were committed; `isForgotten`: Redis had lost the old one. */
  rebuild(epoch: number, committed: readonly GrantedReservation[], isForgotten: boolean): void {
    const units = committed.flatMap((grant) => grant.units).sort((a, b) => a - b);
    this.epoch = epoch;
    this.next = (units.at(-1) ?? 0) + 1;
    this.free = Array.from({ length: this.next - 1 }, (_, at) => at + 1).filter(
      (unit) => !units.includes(unit),
    );
    this.held = new Map();
    for (const grant of committed)
      this.held.set(grant.userId, (this.held.get(grant.userId) ?? 0) + grant.units.length);
    this.counts = isForgotten
      ? { G: committed.length, S: 0, L: 0, Q: 0, C: 0, R: 0, K: 0 }
      : { ...this.counts, G: committed.length };
    this.granted = [...committed];
    this.#committed = committed;
    this.#keyGrants = new Map();
    for (const { digest, units } of committed)
      if (digest !== undefined) this.#keyGrants.set(keyNameOf(digest), { ask: askOf(digest), units });
  }

  /** The answers, or why there are none. */
  decide(
    frame: ModelFrame,
  ): { status: 'unknownSale' } | { status: 'decided' | 'repeated'; answers: readonly Answer[] } {
    if (frame.generation > this.generation) return { status: 'unknownSale' };
    const earlier = this.#frames.get(frame.id);
    if (earlier?.epoch === this.epoch) return { status: 'repeated', answers: earlier.value };
    const answers = frame.entries.map((entry, index) =>
      entry.digest === undefined
        ? (this.#known(frame, index, earlier?.value[index]) ?? this.#fresh(frame, entry, index))
        : this.#keyed(frame, entry, entry.digest, index, earlier?.value[index]),
    );
    this.#frames.set(frame.id, { epoch: this.epoch, value: answers });
    return { status: 'decided', answers };
  }

  #known(frame: ModelFrame, index: number, earlier: Answer | undefined): Answer | undefined {
    const committed = this.#committed.find((grant) => grant.frameId === frame.id && grant.index === index);
    if (committed) return { code: 'G', units: committed.units };
    return earlier && earlier.code !== 'G' ? earlier : undefined;
  }

  #keyed(
    frame: ModelFrame,
    entry: FrameEntry,
    digest: string,
    index: number,
    earlier: Answer | undefined,
  ): Answer {
    const ask = askOf(digest);
    const key = `${frame.generation} ${keyNameOf(digest)}`;
    const grant = frame.generation === this.generation ? this.#keyGrants.get(keyNameOf(digest)) : undefined;
    const record = this.#keys.get(key);
    const first = grant ?? record;
    const isReused = first !== undefined && first.ask !== ask;
    let answer: Answer | undefined;
    if (!isReused && grant) answer = { code: 'G', units: grant.units };
    else if (!isReused && record && record.answer.code !== 'G') answer = record.answer;
    else if (earlier && earlier.code !== 'G') answer = earlier;
    answer ??= this.#fresh(frame, entry, index, isReused);
    if (!isReused) {
      this.#keys.set(key, { ask, answer });
      if (answer.code === 'G') this.#keyGrants.set(keyNameOf(digest), { ask, units: answer.units });
    }
    return answer;
  }

  #fresh(frame: ModelFrame, entry: FrameEntry, index: number, isReused = false): Answer {
    const code = isReused ? 'K' : this.#judge(frame, entry);
    this.counts[code]++;
    if (code !== 'G') return { code, units: [] };
    const units = Array.from({ length: entry.quantity }, () => this.free.shift() ?? this.next++);
    this.held.set(entry.userId, (this.held.get(entry.userId) ?? 0) + entry.quantity);
    this.granted.push(
      entry.digest === undefined
        ? { frameId: frame.id, index, userId: entry.userId, units }
        : { digest: entry.digest, userId: entry.userId, units },
    );
    return { code, units };
  }

  #judge(frame: ModelFrame, entry: FrameEntry): OutcomeCode {
    if (frame.generation !== this.generation) return 'R';
    if (this.status === 'closed') return 'C';
    if (this.remaining === 0) return 'S';
    if ((this.held.get(entry.userId) ?? 0) + entry.quantity > this.limit) return 'L';
    return entry.quantity > this.remaining ? 'Q' : 'G';
  }
}
