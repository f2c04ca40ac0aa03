/**
 * One forked gateway or worker: starts it, waits until it is ready, receives its samples and stops it.
 *
 * The child is detached: a Ctrl-C in the terminal reaches only the control centre, which then stops its
 * children in order. A child whose channel closes ends itself, so a control centre that is killed leaves none
 * behind.
 */
import { fork, type ChildProcess } from 'node:child_process';
import process from 'node:process';
import { FailureError } from '../../contract/failure.ts';
import type { LogLine, ServiceRole } from '../../contract/state.ts';
import type { SystemUser } from '../processes/system-user.ts';
import { lowerPriority } from '../processes/priority.ts';
import { sealed } from '../processes/sealed.ts';
import {
  childMessageSchema,
  type GatewaySample,
  type ParentMessage,
  type WorkerSample,
} from '../../services/shared/messages.ts';
import { SERVICE_ALLOCATOR_ENV, SERVICE_NODE_FLAGS } from '../../services/shared/node-flags.ts';
import type { StopPoint } from '../../services/shared/stop-points.ts';
import { parseServiceLine, readLines } from '../logs/log-reader.ts';
import { SampleClock } from './sample-clock.ts';

/** ms within which a child must report that it is ready. */
export const READY_LIMIT_MS = 20_000;
/** ms that a child may take to end once it is asked to. */
export const STOP_LIMIT_MS = 12_000;

export type ServiceSample = GatewaySample | WorkerSample;

export interface ServiceChildOptions {
  readonly id: string;
  readonly role: ServiceRole | 'shop';
  /** Path of the built entry. */
  readonly modulePath: string;
  readonly env: NodeJS.ProcessEnv;
  /** Flags for Node besides those that every service has. */
  readonly nodeFlags?: readonly string[];
  /** The user that it runs as; our own by default. */
  readonly user?: SystemUser | undefined;
  onSample(sample: ServiceSample): void;
  /** It has got to the stop point that it was asked to stop at. */
  onReached?(point: StopPoint): void;
  /** It stops itself (SIGSTOP), as it was asked to. */
  onStanding?(): void;
  onLog(line: LogLine): void;
  /** The child ended; `wasAsked` is true when we stopped it. */
  onExit(detail: string, wasAsked: boolean): void;
}

export class ServiceChild {
  readonly #options: ServiceChildOptions;
  readonly #process: ChildProcess;
  /** What is known of the child's clock. */
  readonly clock = new SampleClock();
  /** Resolves when the child has ended, however it did. */
  readonly exited: Promise<void>;
  #wasAsked = false;
  #hasExited = false;

  constructor(options: ServiceChildOptions) {
    this.#options = options;
    // The flags of our own process (a debugger's port, a loader) are not the child's.
    const flags = SERVICE_NODE_FLAGS[options.role === 'worker' ? 'worker' : 'gateway'];
    const node = sealed(process.execPath, [...flags, ...(options.nodeFlags ?? [])], 3);
    this.#process = fork(options.modulePath, [], {
      env: { ...SERVICE_ALLOCATOR_ENV, ...options.env, ELECTRON_RUN_AS_NODE: '1' },
      execPath: node.command,
      execArgv: node.args,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
      ...(options.user ? { uid: options.user.uid, gid: options.user.gid } : {}),
    });
    lowerPriority(this.#process.pid);
    const { stdout, stderr } = this.#process;
    const log = (level: LogLine['level']) => (line: string) =>
      options.onLog(parseServiceLine(options.id, line, level, Date.now()));
    if (stdout) readLines(stdout, log('info'));
    if (stderr) readLines(stderr, log('error'));
    this.exited = new Promise((resolve) => {
      const end = (detail: string) => {
        if (this.#hasExited) return;
        this.#hasExited = true;
        options.onExit(detail, this.#wasAsked);
        resolve();
      };
      this.#process.once('exit', (code, signal) =>
        end(signal ? `ended by ${signal}` : `ended with code ${code}`),
      );
      this.#process.on('error', (error) => {
        // Later errors, such as a message that could not be sent, do not end the child. Without a listener
        // they would end us.
        if (this.#process.pid === undefined) end(`could not be started: ${error.message}`);
      });
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /**
   * Waits until the child reports that it is ready.
   * @returns the port on which it serves
   * @throws FailureError `service.notReady` when it fails, ends or stays silent
   */
  async ready(): Promise<number> {
    const { id } = this.#options;
    const logs = 'Open the logs and look for its last lines.';
    return await new Promise<number>((resolve, reject) => {
      const fail = (message: string, fix: string) =>
        reject(
          new FailureError({ code: 'service.notReady', message, fix, step: `${this.#options.role}.start` }),
        );
      const timer = setTimeout(
        () => fail(`${id} was not ready within ${READY_LIMIT_MS / 1000} s`, logs),
        READY_LIMIT_MS,
      );
      void this.exited.then(() => {
        clearTimeout(timer);
        fail(`${id} ended before it was ready`, logs);
      });
      this.#process.on('message', (raw) => {
        const parsed = childMessageSchema.safeParse(raw);
        if (!parsed.success) {
          this.#options.onLog({
            atMs: Date.now(),
            part: id,
            level: 'warn',
            text: `unknown message: ${String(JSON.stringify(raw)).slice(0, 200)}`,
          });
          return;
        }
        const message = parsed.data;
        if (message.type === 'sample') this.#options.onSample(this.clock.correct(message));
        else if (message.type === 'reached') this.#options.onReached?.(message.point);
        else if (message.type === 'standing') this.#options.onStanding?.();
        else if (message.type === 'ready') {
          clearTimeout(timer);
          resolve(message.port);
        } else {
          clearTimeout(timer);
          fail(`${id} could not start: ${message.message}`, message.fix);
        }
      });
    });
  }

  /** Asks the child to end, waits, then kills it. Resolves when it is gone. */
  async stop(limitMs = STOP_LIMIT_MS): Promise<void> {
    this.#wasAsked = true;
    if (this.#hasExited) return;
    if (!this.send({ type: 'stop' })) this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), limitMs);
    await this.exited;
    clearTimeout(timer);
  }

  /** @returns false when the channel to the child is closed */
  send(message: ParentMessage): boolean {
    if (!this.#process.connected) return false;
    this.#process.send(message, () => undefined);
    return true;
  }

  /** Ends the child as a crash would. */
  kill(): void {
    this.#process.kill('SIGKILL');
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process.kill(signal);
  }
}
