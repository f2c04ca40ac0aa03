/**
 * What happens to an error that nothing caught.
 *
 * A process with a control centre logs the error and goes on: backends and attacks depend on it, and only it
 * can stop them in order. A command without a control centre prints the error and ends. Gateways and workers
 * have a supervisor that restarts them, and handle such errors themselves
 * (services/shared/service-process.ts).
 */
import process from 'node:process';

type Note = (error: unknown) => void;

const serving = new Set<Note>();

/**
 * Handles uncaught errors and rejections of this process. Calls `end` with one unless `keepServing` was
 * called.
 */
export function guardProcess(end: Note): void {
  // The terminal was closed or the reader ended: output that can't be written must not become another error.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  process.on('uncaughtException', (error) => {
    if (serving.size === 0) return end(error);
    for (const note of serving) note(error);
  });
}

/** From now on such errors are passed to `note`, and the process goes on. */
export function keepServing(note: Note): void {
  serving.add((error) => {
    try {
      note(error);
    } catch {
      // A failure to note an error must not end the process.
    }
  });
}
