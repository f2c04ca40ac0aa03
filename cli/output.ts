/**
 * The output of the terminal's commands: wraps text to the terminal's width, rewrites one live line, and reports when
 * nobody reads any more. A write never throws and never ends the process.
 */
import { wrapText } from '../contract/format.ts';

/** Columns if the output is no terminal, or one of unknown width. */
const DEFAULT_WIDTH = 100;
const MIN_WIDTH = 20;
const CLEAR_LINE = '\r\u001b[2K';

/** The part of `process.stdout` that is needed. */
export interface OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly writableNeedDrain: boolean;
  write(text: string): boolean;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

export class Output {
  readonly #stream: OutputStream;
  readonly #env: NodeJS.ProcessEnv;
  readonly #onLost: (error: Error) => void;
  #hasLive = false;

  /** @param onLost called when a write fails: the reader ended, the terminal closed, the disk is full */
  constructor(stream: OutputStream, onLost: (error: Error) => void, env: NodeJS.ProcessEnv = process.env) {
    this.#stream = stream;
    this.#env = env;
    this.#onLost = onLost;
    stream.on('error', onLost);
  }

  /** Whether a line can be rewritten. */
  get isLive(): boolean {
    return this.#stream.isTTY === true && this.#env['TERM'] !== 'dumb';
  }

  get hasColor(): boolean {
    return this.isLive && !this.#env['NO_COLOR'];
  }

  get width(): number {
    const columns = this.#stream.isTTY === true ? (this.#stream.columns ?? 0) : 0;
    return columns > 0 ? Math.max(MIN_WIDTH, columns) : DEFAULT_WIDTH;
  }

  /** Writes wrapped paragraphs; all lines but a paragraph's first are indented by `hanging` more spaces. */
  print(text: string, hanging = 0): void {
    const lines = text.split('\n').flatMap((paragraph) => {
      const indent = /^ */.exec(paragraph)?.[0] ?? '';
      const rest = ' '.repeat(indent.length + hanging);
      // Wrapped for the larger indent, so that each line fits.
      return wrapText(paragraph.slice(indent.length), this.width - rest.length).map(
        (line, at) => `${at === 0 ? indent : rest}${line}`,
      );
    });
    this.raw(`${lines.join('\n')}\n`);
  }

  /** Writes a text and a command to copy. The command is never wrapped. */
  offer(text: string, command: string): void {
    if (text.length + 1 + command.length <= this.width) return this.raw(`${text} ${command}\n`);
    this.print(text);
    this.raw(`${command}\n`);
  }

  /** Writes a text as it is, in place of the live line. */
  raw(text: string): void {
    this.#write(`${this.#eraseLive()}${text}`);
  }

  /** Shows one line that the next output replaces; nothing if a line can't be rewritten. */
  live(text: string): void {
    // A blocked terminal must not fill the memory.
    if (!this.isLive || this.#stream.writableNeedDrain) return;
    this.#write(`${CLEAR_LINE}${text.slice(0, this.width - 1)}`);
    this.#hasLive = true;
  }

  /** Removes the live line. */
  clearLive(): void {
    if (this.#hasLive) this.#write(this.#eraseLive());
  }

  #eraseLive(): string {
    const had = this.#hasLive;
    this.#hasLive = false;
    return had ? CLEAR_LINE : '';
  }

  #write(text: string): void {
    try {
      this.#stream.write(text);
    } catch (error) {
      // Writes to a file are synchronous and may throw.
      this.#onLost(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
