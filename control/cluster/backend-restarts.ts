/**
 * Starts backends of ours again: those that ended by themselves or were killed, and those that only a restart
 * heals.
 *
 * A backend moves: serving → waiting → restarting → serving; restarting → waiting when that failed. After
 * MAX_QUICK_RESTARTS ends in a row it counts as failed: nothing waits for it any more, but it is still tried,
 * at the longest pause, so that it comes back by itself once its cause is gone (a full disk).
 */
import { backoffMs } from '../../services/shared/backoff.ts';
import { type BackendRole, BACKEND_TITLES } from '../../contract/backends.ts';
import { errorText } from '../../services/shared/error-text.ts';

/** A backend that ends within this many ms of its start ended quickly. */
const QUICK_MS = 10_000;
const MAX_QUICK_RESTARTS = 6;
const BACKOFF = { firstMs: 200, maxMs: 10_000 };
/** ms that a restart under way may take to notice that the cluster stops. */
const CLOSE_LIMIT_MS = 30_000;

export interface BackendRestartsOptions {
  /** Ends what is left of the backend, starts it on the same address and waits until it serves. */
  restart(role: BackendRole, signal: AbortSignal): Promise<void>;
  /** Called with what to show of a backend that does not serve. */
  onState(role: BackendRole, state: 'restarting' | 'failed', detail: string): void;
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
  readonly #slots = new Map<BackendRole, Slot>();
  readonly #closed = new AbortController();
  readonly #openedMs = performance.now();

  constructor(options: BackendRestartsOptions) {
    this.#options = options;
  }

  /** Whether a backend is away and will be started again, or is being started. */
  isBusy(role: BackendRole): boolean {
    return this.#slots.get(role)?.awaySinceMs !== undefined;
  }

  /** How often a backend was started again since the cluster started. */
  count(role: BackendRole): number {
    return this.#slots.get(role)?.restarts ?? 0;
  }

  /** The next end of this backend is on purpose, so it does not count towards giving up. */
  expectKill(role: BackendRole): void {
    this.#slot(role).isKilled = true;
  }

  /**
   * A backend has ended, or is sick in a way that only a restart heals. Harmless while it is being restarted.
   * @param detail what happened, as a sentence
   */
  ended(role: BackendRole, detail: string): void {
    if (this.#closed.signal.aborted || this.isBusy(role)) return;
    const slot = this.#slot(role);
    const livedMs = performance.now() - slot.servesSinceMs;
    if (slot.isKilled) slot.isKilled = false;
    else slot.quickEnds = livedMs < QUICK_MS ? slot.quickEnds + 1 : 0;
    slot.awaySinceMs = performance.now();
    this.#options.onLog('error', detail);
    this.#schedule(role, slot, detail);
  }

  /** Cancels all restarts; resolves when none is under way. */
  async close(): Promise<void> {
    this.#closed.abort();
    for (const { timer } of this.#slots.values()) clearTimeout(timer);
    const works = [...this.#slots.values()].flatMap(({ work }) => (work ? [work] : []));
    await Promise.race([Promise.all(works), limit(CLOSE_LIMIT_MS)]);
  }

  #schedule(role: BackendRole, slot: Slot, detail: string): void {
    const waitMs = backoffMs(BACKOFF, slot.quickEnds);
    const hasFailed = slot.quickEnds > MAX_QUICK_RESTARTS;
    const next = waitMs < 1_000 ? 'now' : `in ${Math.round(waitMs / 1_000)} s`;
    const tries = hasFailed ? `, after ${slot.quickEnds} ends in a row` : '';
    this.#options.onState(
      role,
      hasFailed ? 'failed' : 'restarting',
      `${detail} It is started again ${next}${tries}.`,
    );
    slot.timer = setTimeout(() => {
      slot.work = this.#restart(role, slot).finally(() => {
        slot.work = undefined;
      });
    }, waitMs);
  }

  async #restart(role: BackendRole, slot: Slot): Promise<void> {
    const title = BACKEND_TITLES[role];
    slot.restarts++;
    try {
      await this.#options.restart(role, this.#closed.signal);
      const awayMs = performance.now() - (slot.awaySinceMs ?? 0);
      slot.awaySinceMs = undefined;
      slot.servesSinceMs = performance.now();
      this.#options.onLog('info', `${title} serves again; it was away for ${Math.round(awayMs)} ms`);
    } catch (error) {
      if (this.#closed.signal.aborted) return;
      slot.quickEnds++;
      const detail = errorText(error);
      this.#options.onLog('error', `${title} could not be started again: ${detail}`);
      this.#schedule(role, slot, `${title} could not be started again: ${detail}`);
    }
  }

  #slot(role: BackendRole): Slot {
    const present = this.#slots.get(role);
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
    this.#slots.set(role, slot);
    return slot;
  }
}

function limit(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
