/**
 * What happens to an error that nothing caught.
 *
 * A process with a control centre in it logs the error and goes on: backends, attack and kept runs hang on it, and it ends them in order
 * when it is asked to. A command without one has nothing to lose: it tells the error and ends. Gateways and workers have a supervisor that
 * starts them anew, and decide for themselves (services/shared/service-process.ts).
 */
import process from 'node:process';

type Note = (error: unknown) => void;

const serving = new Set<Note>();

/** Listens for this process's errors; an unhandled rejection is one too. `end` is called while nothing is kept up. */
export function guardProcess(end: Note): void {
  // A terminal that was closed, a reader that ended: what can't be told must not become an error of its own.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  process.on('uncaughtException', (error) => {
    if (serving.size === 0) return end(error);
    for (const note of serving) note(error);
  });
}

/** From now on such errors are noted, and the process goes on. */
export function keepServing(note: Note): void {
  serving.add((error) => {
    try {
      note(error);
    } catch {
      // Whoever can't even take a note must not end the process by it.
    }
  });
}
