/** Ctrl-C, SIGTERM and a closed terminal, for the terminal and the desktop alike. */
import process from 'node:process';

/** ms between two signals that count as one: a terminal and npm may both pass on the same Ctrl-C. */
const SAME_SIGNAL_MS = 700;

/**
 * Listens for the signals that ask a program to end.
 * @param onAsked called for each of them; the first asks for an orderly stop
 * @param endNow a person asked again: the process ends at once, and the next start clears what is left
 */
export function onStopSignals(
  onAsked: (name: NodeJS.Signals, isFirst: boolean) => void,
  endNow: () => void,
): void {
  let firstMs: number | undefined;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => {
      const isFirst = firstMs === undefined;
      firstMs ??= performance.now();
      // A terminal that closes may send several SIGHUPs: only a person asks twice.
      if (name !== 'SIGHUP' && performance.now() - firstMs > SAME_SIGNAL_MS) endNow();
      else onAsked(name, isFirst);
    });
}
