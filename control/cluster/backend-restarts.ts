/**
 * Starts backends of ours again, or single members of them: those that ended by themselves or were killed, and
 * those that only a restart heals.
 *
 * A backend moves: serving → waiting → restarting → serving; restarting → waiting when that failed. After
 * MAX_QUICK_RESTARTS ends in a row it counts as failed: nothing waits for it any more, but it is still tried,
 * at the longest pause, so that it comes back by itself once its cause is gone (a full disk).
 */
import { backoffMs } from '../../services/shared/backoff.ts';
import { BACKEND_TITLES } from '../../contract/backends.ts';
import { errorText } from '../../services/shared/error-text.ts';

/** A backend that ends within this many ms of its start ended quickly. */
const QUICK_MS = 10_000;
const MAX_QUICK_RESTARTS = 6;
const BACKOFF = { firstMs: 200, maxMs: 10_000 };
/** ms that a restart under way may take to notice that the cluster stops. */
const CLOSE_LIMIT_MS = 30_000;

/** The backend's, or the name of one of its members: `redis-2`. */
const titleOf = (part: string) => new Map<string, string>(Object.entries(BACKEND_TITLES)).get(part) ?? part;

export interface BackendRestartsOptions {
  /** Ends what is left of the backend, starts it on the same address and waits until it serves. */
  restart(part: string, signal: AbortSignal): Promise<void>;
  /** Called with what to show of a backend that does not serve. */
  onState(part: string, state: 'restarting' | 'failed', detail: string): void;
  onLog(level: 'info' | 'warn' | 'error', text: string): void;
}

interface Slot {
  servesSinceMs: number;
  quickEnds: number;
  restarts: number;
  /** Killed on purpose, by a person or an attack. */
  isKilled: boolean;
  awaySinceMs: number | undefined;
  timer: NodeJS.Timeout | undefined;
  work: Promise<void> | undefined;
}

export class BackendRestarts {
  readonly #options: BackendRestartsOptions;
  readonly #slots = new Map<string, Slot>();
  readonly #closed = new AbortController();
  readonly #openedMs = performance.now();

  constructor(options: BackendRestartsOptions) {
    this.#options = options;
  }

  /** Whether a backend is away and will be started again, or is being started. */
  isBusy(part: string): boolean {
    return this.#slots.get(part)?.awaySinceMs !== undefined;
  }

  /** How often a backend was started again since the cluster started. */
  count(part: string): number {
    return this.#slots.get(part)?.restarts ?? 0;
  }

  /** The next end of this backend is on purpose, so it does not count towards giving up. */
  expectKill(part: string): void {
    this.#slot(part).isKilled = true;
  }

  /**
   * A backend has ended, or is sick in a way that only a restart heals. Harmless while it is being restarted.
   * @param detail what happened, as a sentence
   * @param pauseMs before it is started again, at least
   */
  ended(part: string, detail: string, pauseMs = 0): void {
    if (this.#closed.signal.aborted || this.isBusy(part)) return;
    const slot = this.#slot(part);
    const livedMs = performance.now() - slot.servesSinceMs;
    if (slot.isKilled) slot.isKilled = false;
    else slot.quickEnds = livedMs < QUICK_MS ? slot.quickEnds + 1 : 0;
    slot.awaySinceMs = performance.now();
    this.#options.onLog('error', detail);
    this.#schedule(part, slot, detail, pauseMs);
  }

  /** Cancels all restarts; resolves when none is under way. */
  async close(): Promise<void> {
    this.#closed.abort();
    for (const { timer } of this.#slots.values()) clearTimeout(timer);
    const works = [...this.#slots.values()].flatMap(({ work }) => (work ? [work] : []));
    await Promise.race([Promise.all(works), limit(CLOSE_LIMIT_MS)]);
  }

  #schedule(part: string, slot: Slot, detail: string, pauseMs = 0): void {
    const waitMs = Math.max(pauseMs, backoffMs(BACKOFF, slot.quickEnds));
    const hasFailed = slot.quickEnds > MAX_QUICK_RESTARTS;
    const next = waitMs < 1_000 ? 'now' : `in ${Math.round(waitMs / 1_000)} s`;
    const tries = hasFailed ? `, after ${slot.quickEnds} ends in a row` : '';
    this.#options.onState(
      part,
      hasFailed ? 'failed' : 'restarting',
      `${detail} It is started again ${next}${tries}.`,
    );
    slot.timer = setTimeout(() => {
      slot.work = this.#restart(part, slot).finally(() => {
        slot.work = undefined;
      });
    }, waitMs);
  }

  async #restart(part: string, slot: Slot): Promise<void> {
    const title = titleOf(part);
    slot.restarts++;
    try {
      await this.#options.restart(part, this.#closed.signal);
      const awayMs = performance.now() - (slot.awaySinceMs ?? 0);
      slot.awaySinceMs = undefined;
      slot.servesSinceMs = performance.now();
      this.#options.onLog('info', `${title} serves again; it was away for ${Math.round(awayMs)} ms`);
    } catch (error) {
      if (this.#closed.signal.aborted) return;
      slot.quickEnds++;
      const detail = errorText(error);
      this.#options.onLog('error', `${title} could not be started again: ${detail}`);
      this.#schedule(part, slot, `${title} could not be started again: ${detail}`);
    }
  }

  #slot(part: string): Slot {
    const present = this.#slots.get(part);
    if (present) return present;
    const slot: Slot = {
      servesSinceMs: this.#openedMs,
      quickEnds: 0,
      restarts: 0,
      isKilled: false,
      awaySinceMs: undefined,
      timer: undefined,
      work: undefined,
    };
    this.#slots.set(part, slot);
    return slot;
  }
}

function limit(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
