/** The process of the proxy, as the control centre sees it: starts it, asks it, notices its end, stops it. */
import { fork, type ChildProcess } from 'node:child_process';
import process from 'node:process';
import { FailureError } from '../../../contract/failure.ts';
import type { LinkEffect, LinkFault, LinkName } from '../../../contract/links.ts';
import { withLimit } from '../../../services/shared/time-limit.ts';
import { lowerPriority } from '../../processes/priority.ts';
import type { ProcessRegistry } from '../../processes/process-registry.ts';
import { sealed } from '../../processes/sealed.ts';
import { proxyReplySchema, type Address, type ProxyReply, type ProxyRequest } from './proxy-messages.ts';

const ROLE = 'links';
const READY_LIMIT_MS = 20_000;
/** ms that an answer may take; the process only sets a flag, or opens a port. */
const REPLY_LIMIT_MS = 5_000;
const STOP_LIMIT_MS = 2_000;

export interface ProxyProcessOptions {
  /** Path of the built entry `links.js`. */
  readonly modulePath: string;
  readonly env: NodeJS.ProcessEnv;
  readonly registry: ProcessRegistry;
  /** It ended although nobody stopped it. */
  onLost(why: string): void;
  onLog(text: string): void;
}

type Done = Extract<ProxyReply, { type: 'done' }>;
type Request = ProxyRequest extends infer One ? (One extends ProxyRequest ? Omit<One, 'id'> : never) : never;

interface Waiter {
  resolve(reply: Done): void;
  reject(error: Error): void;
}

const lost = (why: string) =>
  new FailureError({
    code: 'links.lost',
    message: `The proxy between the parts ${why}.`,
    fix: 'Start the attack again; its faults on links did not all take place.',
  });

export class ProxyProcess {
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #waiters = new Map<number, Waiter>();
  /** Settles `start`. */
  #ready: { resolve(): void; reject(error: Error): void } | undefined;
  #lastId = 0;
  #hasExited = false;
  #isStopping = false;

  private constructor(options: ProxyProcessOptions) {
    const node = sealed(process.execPath, [], 3);
    this.#process = fork(options.modulePath, [], {
      env: { ...options.env, ...options.registry.environment(ROLE), ELECTRON_RUN_AS_NODE: '1' },
      execPath: node.command,
      execArgv: node.args,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      detached: true,
    });
    const { pid, stderr } = this.#process;
    lowerPriority(pid);
    const identity =
      pid === undefined
        ? undefined
        : options.registry.record({ pid, role: ROLE, command: `${process.execPath} ${options.modulePath}` });
    stderr?.setEncoding('utf8').on('data', (text: string) => options.onLog(text.trim().slice(0, 2_000)));
    this.#exited = new Promise((resolve) => {
      const end = (how: string) => {
        if (this.#hasExited) return;
        this.#hasExited = true;
        if (identity) options.registry.remove(identity);
        this.#ready?.reject(lost(how));
        for (const waiter of this.#waiters.values()) waiter.reject(lost(how));
        resolve();
        if (!this.#isStopping) options.onLost(how);
      };
      this.#process.once('exit', (code, signal) =>
        end(signal ? `was ended by ${signal}` : `ended with code ${code}`),
      );
      this.#process.on('error', (error) => {
        // Later errors, such as a message that could not be sent, end nothing. Without a listener they would
        // end us.
        if (pid === undefined) end(`could not be started (${error.message})`);
      });
    });
    this.#process.on('message', (raw) => {
      const parsed = proxyReplySchema.safeParse(raw);
      // Whoever waits for its answer has a limit.
      if (parsed.success) this.#handle(parsed.data);
      else options.onLog(`an unknown message: ${parsed.error.message}`);
    });
  }

  /**
   * Starts the process; resolves when it takes orders.
   * @throws FailureError `links.lost`
   */
  static async start(options: ProxyProcessOptions): Promise<ProxyProcess> {
    const proxy = new ProxyProcess(options);
    const ready = new Promise<void>((resolve, reject) => {
      proxy.#ready = { resolve, reject };
    });
    try {
      await withLimit(ready, READY_LIMIT_MS, () => lost(`was not ready within ${READY_LIMIT_MS / 1000} s`));
      return proxy;
    } catch (error) {
      await proxy.stop();
      throw error;
    } finally {
      proxy.#ready = undefined;
    }
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Listens in front of each address. @returns the ports, in the same order */
  async open(link: LinkName, upstreams: Address[]): Promise<number[]> {
    return (await this.#ask({ type: 'open', link, upstreams })).ports;
  }

  async apply(link: LinkName, fault: LinkFault): Promise<void> {
    await this.#ask({ type: 'apply', link, fault });
  }

  async heal(link: LinkName): Promise<LinkEffect> {
    return (await this.#ask({ type: 'heal', link })).effect;
  }

  async effect(link: LinkName): Promise<LinkEffect> {
    return (await this.#ask({ type: 'effect', link })).effect;
  }

  /** Ends the process by closing its channel, then by force. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#hasExited) return;
    if (this.#process.connected) this.#process.disconnect();
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_LIMIT_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  async #ask(request: Request): Promise<Done> {
    if (this.#hasExited) throw lost('has ended');
    const id = ++this.#lastId;
    const reply = new Promise<Done>((resolve, reject) => this.#waiters.set(id, { resolve, reject }));
    try {
      // A channel that is closed shows as the process's end, which rejects.
      this.#process.send({ ...request, id } satisfies ProxyRequest, () => undefined);
      return await withLimit(reply, REPLY_LIMIT_MS, () =>
        lost(`gave no answer within ${REPLY_LIMIT_MS / 1000} s`),
      );
    } finally {
      this.#waiters.delete(id);
    }
  }

  #handle(reply: ProxyReply): void {
    if (reply.type === 'ready') this.#ready?.resolve();
    else if (reply.type === 'done') this.#waiters.get(reply.id)?.resolve(reply);
    else this.#waiters.get(reply.id)?.reject(lost(`failed: ${reply.message}`));
  }
}
