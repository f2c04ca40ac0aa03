/** The log lines of all parts on one timeline, in a ring of limited size. */
import { redact } from '../../services/shared/redact.ts';
import type { LogLine, LogEntry } from '../../contract/state.ts';
import type { CommandInput, CommandOutput } from '../../contract/contract.ts';

/** Lines kept; older ones are dropped. */
export const LOG_CAPACITY = 20_000;
/** Characters of one line; a longer one is cut. */
const MAX_LINE = 4_000;
/** ms between two batches of new lines. */
const BATCH_MS = 250;
/** Lines in one batch. More are not sent, to protect the frontends, but the ring keeps them. */
const BATCH_LINES = 400;

const LEVEL_ORDER = { debug: 0, info: 1, warn: 2, error: 3 } as const;

export class LogStore {
  readonly #ring: LogEntry[] = [];
  #next = 0;
  #seq = 0;
  readonly #openedAtMs = Date.now();
  #batch: LogEntry[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #onBatch: (lines: LogEntry[]) => void;

  constructor(onBatch: (lines: LogEntry[]) => void) {
    this.#onBatch = onBatch;
  }

  add(line: LogLine): void {
    // Cut before redact, to limit the time that a line takes.
    const text = redact(line.text.length > MAX_LINE ? `${line.text.slice(0, MAX_LINE)}…` : line.text);
    const entry: LogEntry = { seq: ++this.#seq, atMs: line.atMs, part: line.part, level: line.level, text };
    if (this.#ring.length < LOG_CAPACITY) this.#ring.push(entry);
    else {
      this.#ring[this.#next] = entry;
      this.#next = (this.#next + 1) % LOG_CAPACITY;
    }
    if (this.#batch.length < BATCH_LINES) this.#batch.push(entry);
    this.#timer ??= setTimeout(() => this.#flush(), BATCH_MS).unref();
  }

  /** Lines that match, oldest first: the newest ones, those from a moment on, or those around a moment. */
  list(query: CommandInput<'logs.listLines'>): CommandOutput<'logs.listLines'> {
    const minLevel = LEVEL_ORDER[query.minLevel ?? 'debug'];
    const text = (query.text ?? '').toLowerCase();
    const wanted = new Set(query.parts ?? []);
    const parts = new Set<string>();
    const matching: LogEntry[] = [];
    for (const line of this.#ordered()) {
      parts.add(line.part);
      if (wanted.size > 0 && !wanted.has(line.part)) continue;
      if (LEVEL_ORDER[line.level] < minLevel) continue;
      if (query.fromMs !== undefined && line.atMs < query.fromMs) continue;
      if (query.toMs !== undefined && line.atMs > query.toMs) continue;
      if (text !== '' && !line.text.toLowerCase().includes(text)) continue;
      matching.push(line);
    }
    return {
      lines: choose(matching, query),
      parts: [...parts].sort(),
      total: matching.length,
      lastSeq: this.#seq,
      keptFromMs: this.#ring.length < LOG_CAPACITY ? this.#openedAtMs : (this.#ring[this.#next]?.atMs ?? 0),
    };
  }

  /** Ends the batch timer; sends what is left. */
  close(): void {
    this.#flush();
  }

  #ordered(): LogEntry[] {
    return [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)];
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#batch.length === 0) return;
    const lines = this.#batch;
    this.#batch = [];
    this.#onBatch(lines);
  }
}

function choose(lines: LogEntry[], query: CommandInput<'logs.listLines'>): LogEntry[] {
  const limit = query.limit ?? 1_000;
  if (query.aroundMs !== undefined) {
    const { aroundMs } = query;
    const at = lines.findIndex((line) => line.atMs >= aroundMs);
    const first = Math.max(0, (at === -1 ? lines.length : at) - Math.floor(limit / 2));
    return lines.slice(first, first + limit);
  }
  return query.fromMs === undefined ? lines.slice(-limit) : lines.slice(0, limit);
}
