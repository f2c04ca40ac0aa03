import { setTimeout as sleep } from 'node:timers/promises';

export const DRAIN_DEFAULTS = {
  /** ms between two looks at the queue. */
  pollMs: 50,
  /**
   * ms without any decision after which an empty queue counts as drained although the counter falls short of
   * what was accepted.
   */
  quietMs: 1_500,
} as const;

export interface DrainProgress {
  /** Frames in the queue. */
  readonly waiting: number;
  /** Reservations decided. */
  readonly decided: number;
}

export interface DrainOptions {
  probe(): Promise<DrainProgress>;
  /** Reservations that were accepted. */
  readonly accepted: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly pollMs?: number;
  readonly quietMs?: number;
  onProgress?(progress: DrainProgress): void;
  /** Whether a backend has ended for good: a look that fails is then the last. */
  isBackendLost?(): boolean;
}

export interface DrainResult {
  readonly isDrained: boolean;
  readonly durationMs: number;
  /** Why nothing could be learned at the last look: a backend was away. */
  readonly lastError?: unknown;
}

/**
 * Waits until the queue is empty and everything accepted is decided. The counter alone is not enough: a Redis
 * that lost its data counts from 0 again. So an empty queue with no decision for `quietMs` counts as drained,
 * too, and the caller looks for pending reservations itself. Backends that are away are asked again until the
 * time is up, unless one has ended for good.
 */
export async function waitForDrain(options: DrainOptions): Promise<DrainResult> {
  const { accepted, timeoutMs, signal } = options;
  const pollMs = options.pollMs ?? DRAIN_DEFAULTS.pollMs;
  const quietMs = options.quietMs ?? DRAIN_DEFAULTS.quietMs;
  const startedAt = performance.now();
  let decided = -1;
  let quietSince = startedAt;
  for (;;) {
    signal.throwIfAborted();
    let lastError: unknown;
    try {
      const progress = await options.probe();
      options.onProgress?.(progress);
      const now = performance.now();
      if (progress.decided !== decided || progress.waiting > 0) {
        decided = progress.decided;
        quietSince = now;
      }
      const isQuiet = now - quietSince >= quietMs;
      if (progress.waiting === 0 && (progress.decided >= accepted || isQuiet))
        return { isDrained: true, durationMs: now - startedAt };
    } catch (error) {
      lastError = error;
    }
    const elapsedMs = performance.now() - startedAt;
    const isHopeless = lastError !== undefined && options.isBackendLost?.() === true;
    if (isHopeless || elapsedMs >= timeoutMs) {
      return {
        isDrained: false,
        durationMs: elapsedMs,
        ...(lastError === undefined ? {} : { lastError }),
      };
    }
    await sleep(Math.min(pollMs, Math.max(1, timeoutMs - elapsedMs)), undefined, { signal });
  }
}
