/**
 * What may end a command before its time: Ctrl-C, SIGTERM, a closed terminal, or an output that nobody reads any more. The first of these asks
 * the command to stop in order; a second Ctrl-C ends the process at once, and the next start clears what is left.
 */
import process from 'node:process';
import { isatty } from 'node:tty';
import { onStopSignals } from '../control/lib/stop-signals.ts';

/** Of an output whose reader has ended, or whose terminal is closed: nothing is wrong, nobody looks any more. */
const READER_GONE = ['EPIPE', 'EIO', 'ECONNRESET', 'EBADF'];

export class Interrupt {
  readonly #abort = new AbortController();
  readonly #asked = new AbortController();
  /** What could not be written, and is missed: not a reader that ended, but a full disk for one. */
  #outputError: Error | undefined;
  // Asked at once: a terminal that is gone is none any more.
  readonly #isOnTerminal = [0, 1, 2].some((fd) => isatty(fd));
  #isHungUp = false;

  /** Aborted when the command shall stop. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Aborted by signals only: for a command whose work is not its output. */
  get asked(): AbortSignal {
    return this.#asked.signal;
  }

  /** The terminal that this command was typed in is closed. */
  get isHungUp(): boolean {
    return this.#isHungUp;
  }

  get outputError(): Error | undefined {
    return this.#outputError;
  }

  /** Listens for signals. @param onFirst tells the user that the command is stopping */
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

  /** The output is lost. */
  readonly outputLost = (error: Error): void => {
    if ('code' in error && error.code === 'EIO') this.#isHungUp = this.#isOnTerminal;
    if (!('code' in error && READER_GONE.includes(String(error.code)))) this.#outputError ??= error;
    this.#abort.abort();
  };
}

/** Rejects once the signal is aborted; nobody has to listen to it. */
export function whenInterrupted(signal: AbortSignal): Promise<never> {
  const interrupted = new Promise<never>((_, reject) => {
    const fail = () => reject(new Error('interrupted'));
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
  interrupted.catch(() => undefined);
  return interrupted;
}
