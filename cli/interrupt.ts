/**
 * What may interrupt a command: Ctrl-C, SIGTERM, a closed terminal, or an output without a reader. The first asks the
 * command to stop in order; a second Ctrl-C ends the process at once, and the next start clears what is left.
 */
import process from 'node:process';
import { isatty } from 'node:tty';
import { onStopSignals } from '../control/lib/stop-signals.ts';

/** Errors of an output whose reader has ended or whose terminal is closed. They are no failure. */
const READER_GONE = ['EPIPE', 'EIO', 'ECONNRESET', 'EBADF'];

export class Interrupt {
  readonly #abort = new AbortController();
  readonly #asked = new AbortController();
  /** A write error that counts as a failure, such as a full disk. */
  #outputError: Error | undefined;
  // Read at the start: a closed terminal is no longer recognised as one.
  readonly #isOnTerminal = [0, 1, 2].some((fd) => isatty(fd));
  #isHungUp = false;

  /** Aborted when the command must stop. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Aborted by signals only, for a command that goes on without an output. */
  get asked(): AbortSignal {
    return this.#asked.signal;
  }

  /** Whether the command's terminal was closed. */
  get isHungUp(): boolean {
    return this.#isHungUp;
  }

  get outputError(): Error | undefined {
    return this.#outputError;
  }

  /** Listens for signals. @param onFirst called at the first Ctrl-C or SIGTERM */
  listen(onFirst: () => void): void {
    onStopSignals(
      (name, isFirst) => {
        if (name === 'SIGHUP') this.#isHungUp = this.#isOnTerminal;
        if (!isFirst) return;
        if (name !== 'SIGHUP') onFirst();
        this.#asked.abort();
        this.#abort.abort();
      },
      () => process.exit(130),
    );
  }

  /** For an output that can't be written to any more. */
  readonly outputLost = (error: Error): void => {
    if ('code' in error && error.code === 'EIO') this.#isHungUp = this.#isOnTerminal;
    if (!('code' in error && READER_GONE.includes(String(error.code)))) this.#outputError ??= error;
    this.#abort.abort();
  };
}

/** Rejects once the signal is aborted; an unused promise causes no unhandled rejection. */
export function whenInterrupted(signal: AbortSignal): Promise<never> {
  const interrupted = new Promise<never>((_, reject) => {
    const fail = () => reject(new Error('interrupted'));
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
  interrupted.catch(() => undefined);
  return interrupted;
}
