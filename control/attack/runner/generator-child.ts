/** One generator process: forks it, receives its messages, stops it, and kills it when it does not end. */
import { fork, type ChildProcess } from 'node:child_process';
import process from 'node:process';
import { FailureError } from '../../../contract/failure.ts';
import type { SystemUser } from '../../processes/system-user.ts';
import type { ProcessRegistry } from '../../processes/process-registry.ts';
import { lowerPriority } from '../../processes/priority.ts';
import { sealed } from '../../processes/sealed.ts';
import { SilenceWatch } from '../../lib/silence-watch.ts';
import {
  generatorMessageSchema,
  type GeneratorJob,
  type CommandMessage,
  type GeneratorMessage,
} from '../protocol/generator-messages.ts';
import { errorText } from '../../../services/shared/error-text.ts';

/** ms within which a generator must report that it is ready. */
const READY_LIMIT_MS = 20_000;
/**
 * ms without a message, of which a running generator sends one every 100 ms, after which it counts as hung.
 */
const SILENCE_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 2_000;
const STDERR_KEPT = 2_000;

export interface GeneratorChildOptions {
  readonly name: string;
  /** Path of the built entry `generator.js`. */
  readonly modulePath: string;
  /** Node flags; a test that runs the source gives its loader. */
  readonly execArgv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** The user that it runs as; our own by default. */
  readonly user?: SystemUser | undefined;
  readonly job: GeneratorJob;
  /** Notes the process, so that a later start can end what a killed control centre left behind. */
  readonly registry: ProcessRegistry | undefined;
  onMessage(message: Exclude<GeneratorMessage, { type: 'ready' | 'failed' }>): void;
  /** It failed, ended or fell silent before its result. Called once. */
  onFailure(error: FailureError): void;
}

export class GeneratorChild {
  readonly #options: GeneratorChildOptions;
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #ready: Promise<void>;
  #hasExited = false;
  #hasResult = false;
  #isStopping = false;
  readonly #silence = new SilenceWatch((limitMs) =>
    this.#fail(`${this.#options.name} said nothing for ${limitMs / 1000} s`),
  );
  #stderr = '';

  constructor(options: GeneratorChildOptions) {
    const { registry } = options;
    this.#options = options;
    const node = sealed(process.execPath, options.execArgv, 3);
    this.#process = fork(options.modulePath, [], {
      env: { ...options.env, ...registry?.environment(options.name), ELECTRON_RUN_AS_NODE: '1' },
      execPath: node.command,
      execArgv: node.args,
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // A Ctrl-C in the terminal reaches only the control centre, which then stops its children in order.
      detached: true,
      ...(options.user ? { uid: options.user.uid, gid: options.user.gid } : {}),
    });
    const { pid } = this.#process;
    lowerPriority(pid);
    const identity =
      pid === undefined
        ? undefined
        : registry?.record({ pid, role: options.name, command: `${process.execPath} ${options.modulePath}` });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_KEPT);
    });
    let becomeReady: () => void = () => undefined;
    this.#ready = new Promise((resolve) => (becomeReady = resolve));
    this.#exited = new Promise((resolve) => {
      const end = (how: string) => {
        if (this.#hasExited) return;
        this.#hasExited = true;
        if (identity) registry?.remove(identity);
        if (!this.#hasResult) this.#fail(`${options.name} ${how} in the middle of the attack`);
        resolve();
      };
      // `close`, not `exit`: what it said last is read by then.
      this.#process.once('close', (code, signal) =>
        end(signal ? `was ended by ${signal}` : `ended with code ${code}`),
      );
      this.#process.on('error', (error) => {
        // Later errors, such as a message that could not be sent, end nothing. Without a listener they would
        // end us.
        if (this.#process.pid === undefined) end(`could not be started (${error.message})`);
      });
    });
    this.send({ type: 'job', job: options.job });
    this.#watchSilence(READY_LIMIT_MS);
    this.#process.on('message', (raw) => {
      const parsed = generatorMessageSchema.safeParse(raw);
      if (!parsed.success) return this.#fail(`${options.name} sent a message that is none`);
      const message = parsed.data;
      this.#watchSilence(SILENCE_LIMIT_MS);
      if (message.type === 'ready') becomeReady();
      else if (message.type === 'failed') this.#failWith(new FailureError(message.failure));
      else {
        if (message.type === 'result') {
          this.#hasResult = true;
          this.#silence.stop();
        }
        try {
          options.onMessage(message);
        } catch (error) {
          this.#fail(`${options.name} sent what can't be: ${errorText(error)}`);
        }
      }
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Resolves when the generator is ready to start; a failure goes to `onFailure`. */
  ready(): Promise<void> {
    return this.#ready;
  }

  send(message: CommandMessage): void {
    // A channel that is closed shows as the process's end, which is reported.
    if (this.#process.connected) this.#process.send(message, () => undefined);
  }

  /** Asks the process to end, waits, then kills it. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#silence.stop();
    if (this.#hasExited) return;
    this.send({ type: 'stop' });
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_LIMIT_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  #watchSilence(limitMs: number): void {
    if (this.#hasResult || this.#isStopping) this.#silence.stop();
    else this.#silence.heard(limitMs);
  }

  #fail(message: string): void {
    const said = this.#stderr.trim();
    this.#failWith(
      new FailureError({
        code: 'attack.generatorLost',
        message: said === '' ? message : `${message}: ${said}`,
        fix: 'Start the attack again; with fewer requests or connections if the machine was short of memory.',
      }),
    );
  }

  #failWith(error: FailureError): void {
    if (this.#isStopping || this.#hasResult) return;
    this.#silence.stop();
    this.#hasResult = true;
    this.#options.onFailure(error);
  }
}
