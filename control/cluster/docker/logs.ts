/** A container's output as lines. */
import { PassThrough, Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { BackendRole } from '../../../contract/backends.ts';
import type { LogLine } from '../../../contract/state.ts';
import { withLimit } from '../../../services/shared/time-limit.ts';
import { readLines } from '../../logs/log-reader.ts';

/** Lines of one container a second; a flood beyond it is counted, not kept. */
const MAX_LINES_PER_SEC = 200;
const MAX_LINE_CHARS = 4_000;
const TAIL_LINES = 200;
const LAST_WORDS = 12;
const READ_LIMIT_MS = 5_000;

/** Follows a container's output until it ends or the returned function is called. */
export async function followLogs(
  docker: Docker,
  id: string,
  role: BackendRole,
  onLog: (line: LogLine) => void,
): Promise<() => void> {
  const stream = await docker
    .getContainer(id)
    .logs({ follow: true, stdout: true, stderr: true, tail: TAIL_LINES });
  const out = new PassThrough();
  docker.modem.demuxStream(stream, out, out);
  const limiter = new LineLimiter(role, onLog);
  // Bounded, unlike readline: a container may write for ever without a line feed.
  readLines(out, (text) => limiter.add(text));
  const close = (): void => {
    out.destroy();
    if (stream instanceof Readable) stream.destroy();
  };
  stream.on('end', () => out.end());
  // A daemon that goes away ends the stream; the watch on its events reports it.
  stream.on('error', () => out.end());
  unref(stream);
  return close;
}

/** Passes on a limited number of lines a second, and reports how many it left out. */
export class LineLimiter {
  readonly #part: BackendRole;
  readonly #onLog: (line: LogLine) => void;
  #second = 0;
  #count = 0;

  constructor(part: BackendRole, onLog: (line: LogLine) => void) {
    this.#part = part;
    this.#onLog = onLog;
  }

  add(text: string, atMs = Date.now()): void {
    const second = Math.floor(atMs / 1_000);
    if (second !== this.#second) {
      const leftOut = this.#count - MAX_LINES_PER_SEC;
      if (leftOut > 0)
        this.#onLog({ atMs, part: this.#part, level: 'warn', text: `… ${leftOut} lines left out` });
      this.#second = second;
      this.#count = 0;
    }
    if (++this.#count > MAX_LINES_PER_SEC) return;
    // Escape sequences of coloured output mean nothing here.

    const plain = text.replace(/\u001b\[[\d;]*m/g, '').slice(0, MAX_LINE_CHARS);
    if (plain.trim() !== '') this.#onLog({ atMs, part: this.#part, level: levelOf(plain), text: plain });
  }
}

/** Level of a line, by the marks that the three backends use. */
export function levelOf(text: string): LogLine['level'] {
  if (/\[(?:error|critical)\]|\b(?:ERROR|FATAL|PANIC):/.test(text)) return 'error';
  // Redis marks warnings with # after the time, RabbitMQ with [warning], Postgres with WARNING:
  if (/\[warning\]|\bWARNING:|^\d+:\w \d+ \w+ \d+ [\d:.]+ #/.test(text)) return 'warn';
  if (/\[debug\]|\bDEBUG\d?:/.test(text)) return 'debug';
  return 'info';
}

/** The last lines of a container's log; none when the daemon does not answer. */
export async function lastLines(docker: Docker, id: string): Promise<string[]> {
  try {
    const output = await withLimit(
      docker.getContainer(id).logs({ follow: false, stdout: true, stderr: true, tail: LAST_WORDS }),
      READ_LIMIT_MS,
      'no logs in time',
    );
    return demuxed(output)
      .split('\n')
      .map((line) => line.trimEnd())
      .filter((line) => line !== '')
      .slice(-LAST_WORDS);
  } catch {
    // These lines only add to a failure that is reported anyway.
    return [];
  }
}

/** Removes the frames' headers: 8 bytes, of which the last four are the length. */
function demuxed(output: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; at + 8 <= output.length;) {
    const length = output.readUInt32BE(at + 4);
    parts.push(output.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(parts).toString('utf8');
}

/** A stream that only listens must not keep the process alive. */
export function unref(stream: NodeJS.ReadableStream): void {
  if (
    'socket' in stream &&
    typeof stream.socket === 'object' &&
    stream.socket !== null &&
    'unref' in stream.socket
  ) {
    if (typeof stream.socket.unref === 'function') stream.socket.unref();
  }
}
