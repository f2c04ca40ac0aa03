/** The built desktop app as a process, its Electron played by the stand-in: started, asked and ended by a test. */
import { fork, type ChildProcess } from 'node:child_process';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { z } from 'zod';

const ROOT = resolve(import.meta.dirname, '../..');
const START_LIMIT_MS = 40_000;
const OP_LIMIT_MS = 60_000;
/** ms that an app may take to stop its cluster; one that never opened has none, and only waits at a dialog. */
const END_LIMIT_MS = 30_000;
const replySchema = z.object({ id: z.number(), value: z.unknown().optional(), error: z.string().optional() });

export interface DesktopOptions {
  readonly dataDir: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Folder of the app; the repository unless told otherwise. */
  readonly appDir?: string;
  /** Wait until the page has drawn itself; false for an app that will not get that far. */
  readonly isExpectedToOpen?: boolean;
}

export class Desktop {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, (reply: z.infer<typeof replySchema>) => void>();
  #lastId = 0;
  #output = '';
  /** Exit code, once it has ended. */
  readonly ended: Promise<number | NodeJS.Signals>;

  private constructor({ dataDir, env, appDir = ROOT }: DesktopOptions) {
    this.#process = fork(join(appDir, 'out/main/main.js'), [], {
      cwd: appDir,
      // By its address: a packaged app has no tsx of its own to find.
      execArgv: [
        '--import',
        import.meta.resolve('tsx'),
        '--import',
        join(ROOT, 'tests/electron/stand-in/register.mjs'),
      ],
      env: { ...process.env, FLASHGRID_HOME: dataDir, ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // A Ctrl-C on the test run's terminal is not the app's.
      detached: true,
    });
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString();
      });
    this.#process.on('message', (raw) => {
      const reply = replySchema.parse(raw);
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
    this.ended = new Promise((done) =>
      this.#process.once('exit', (code, signal) => done(code ?? signal ?? -1)),
    );
    void this.ended.then(() => {
      for (const [id, take] of this.#waiting) take({ id, error: `the app has ended:\n${this.#output}` });
      this.#waiting.clear();
    });
  }

  /** Starts the app; resolves when its page has drawn itself. */
  static async start(options: DesktopOptions): Promise<Desktop> {
    const desktop = new Desktop(options);
    if (options.isExpectedToOpen === false) return desktop;
    try {
      await desktop.until(
        'the page has drawn itself',
        () => desktop.evaluate('document.querySelector("main#main") !== null'),
        START_LIMIT_MS,
      );
    } catch (error) {
      await desktop.end();
      throw error;
    }
    return desktop;
  }

  /** What the app wrote to its terminal. */
  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Asks the stand-in for one of its operations. */
  async ask(op: string, ...args: unknown[]): Promise<unknown> {
    const id = ++this.#lastId;
    const reply = await new Promise<z.infer<typeof replySchema>>((done, fail) => {
      const timer = setTimeout(
        () => fail(new Error(`${op} was not answered within ${OP_LIMIT_MS} ms:\n${this.#output}`)),
        OP_LIMIT_MS,
      );
      this.#waiting.set(id, (answer) => {
        clearTimeout(timer);
        done(answer);
      });
      this.#process.send({ id, op, args }, (error) => {
        if (error) fail(new Error(`${op}: the app has ended:\n${this.#output}`));
      });
    });
    if (reply.error !== undefined) throw new Error(`${op}: ${reply.error}`);
    return reply.value;
  }

  /** Runs a script in the page. */
  async evaluate(script: string): Promise<unknown> {
    return await this.ask('evaluate', script);
  }

  /** Calls a command as the page does. */
  async call(name: string, input: unknown): Promise<unknown> {
    return await this.evaluate(`window.flashgrid.call(${JSON.stringify(name)}, ${JSON.stringify(input)})`);
  }

  async recorded(kind: string): Promise<readonly unknown[]> {
    return z.array(z.unknown()).parse(await this.ask('recorded', kind));
  }

  /** The dialog that is open; waits for one. */
  async dialog(): Promise<{ readonly message: string; readonly detail: string; readonly buttons: string[] }> {
    const seen = await this.until('a dialog opens', () => this.ask('dialog'));
    return z
      .object({
        options: z.object({
          message: z.string().default(''),
          detail: z.string().default(''),
          buttons: z.array(z.string()).default([]),
        }),
      })
      .parse(seen).options;
  }

  async answer(answer: unknown): Promise<void> {
    await this.ask('answer', answer);
  }

  /** Waits until `check` gives something true, and gives it. */
  async until<Value>(what: string, check: () => Promise<Value>, limitMs = 30_000): Promise<Value> {
    const deadline = performance.now() + limitMs;
    let last: unknown;
    while (performance.now() < deadline && !this.#hasEnded()) {
      try {
        const value = await check();
        if (value) return value;
        last = value;
      } catch (error) {
        last = error;
      }
      await new Promise((done) => setTimeout(done, 50));
    }
    throw new Error(
      `${what}: not ${this.#hasEnded() ? 'before the app ended' : `within ${limitMs} ms`} (last: ${String(last)})\n${this.#output}`,
    );
  }

  /** Ends the app at the end of a test, however far it got. */
  async end(): Promise<void> {
    if (!this.#hasEnded()) this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), END_LIMIT_MS);
    await this.ended;
    clearTimeout(timer);
  }

  #hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }
}
