/**
 * A shell that stays in a container and runs one script after the other: who leads is asked each second, and a process
 * of its own for each script costs the daemon 60 ms of a core.
 */
import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { withLimit } from '../../../services/shared/time-limit.ts';
import { ask } from './errors.ts';
import { unref } from './logs.ts';

/** ms beside the script's own limit. */
const ANSWER_LIMIT_MS = 3_000;

export class ContainerShell {
  readonly #stream: Duplex;
  readonly #ended: Promise<never>;
  #out = '';
  #err = '';
  #onData: () => void = () => undefined;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(stream: Duplex, [out, err]: readonly [PassThrough, PassThrough]) {
    this.#stream = stream;
    out.on('data', (chunk: Buffer) => {
      this.#out += chunk.toString();
      this.#onData();
    });
    err.on('data', (chunk: Buffer) => (this.#err += chunk.toString()));
    this.#ended = new Promise((_resolve, reject) => {
      for (const end of ['end', 'close', 'error'])
        stream.once(end, () => reject(new Error('its container has ended')));
    });
    this.#ended.catch(() => undefined);
  }

  static async open(container: Docker.Container, step: string): Promise<ContainerShell> {
    const about = 'opening a shell in a container';
    const exec = await ask(step, about, () =>
      container.exec({ Cmd: ['/bin/sh'], AttachStdin: true, AttachStdout: true, AttachStderr: true }),
    );
    const stream = await ask(step, about, () => exec.start({ hijack: true, stdin: true }));
    unref(stream);
    const [out, err] = [new PassThrough(), new PassThrough()];
    container.modem.demuxStream(stream, out, err);
    return new ContainerShell(stream, [out, err]);
  }

  /** Whether no script can be run any more. */
  get isClosed(): boolean {
    return this.#stream.destroyed || this.#stream.readableEnded;
  }

  /**
   * @returns what the script printed
   * @throws Error with what it printed to stderr when it fails
   */
  run(script: string, limitMs: number): Promise<string> {
    const result = this.#last.then(() => this.#run(script, limitMs));
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #run(script: string, limitMs: number): Promise<string> {
    const mark = randomBytes(8).toString('hex');
    const end = new RegExp(`${mark} (\\d+)\n$`);
    this.#out = '';
    this.#err = '';
    const answered = new Promise<number>((resolve) => {
      this.#onData = () => {
        const code = end.exec(this.#out)?.[1];
        if (code !== undefined) resolve(Number(code));
      };
    });
    const quoted = `'${script.replaceAll("'", `'"'"'`)}'`;
    this.#stream.write(`timeout ${limitMs / 1_000} /bin/sh -c ${quoted} </dev/null; echo "${mark} $?"\n`);
    try {
      const late = 'no answer from a shell in a container';
      const code = await withLimit(Promise.race([answered, this.#ended]), limitMs + ANSWER_LIMIT_MS, late);
      if (code !== 0) throw new Error(this.#err.trim() || `the script ended with code ${code}`);
      return this.#out.replace(end, '');
    } catch (error) {
      // What it still prints must not be taken for an answer to the next one.
      if (!end.test(this.#out)) this.#stream.destroy();
      throw error;
    }
  }
}
