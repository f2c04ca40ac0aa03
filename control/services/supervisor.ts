/**
 * Keeps the wanted number of gateways and workers alive.
 *
 * States of a service: starting → running → stopping → stopped; starting | running → restarting → starting
 * when it ends by itself; restarting → failed after `maxQuickRestarts` ends in a row within QUICK_MS of a
 * start. Kills on purpose do not count.
 */
import { join } from 'node:path';
import { backoffMs } from '../../services/shared/backoff.ts';
import { resourceDir } from '../../services/shared/resources.ts';
import { FailureError } from '../../contract/failure.ts';
import type { Deployment } from '../cluster/cluster.ts';
import type { LogLine, ServiceRole, ServiceState } from '../../contract/state.ts';
import type { ProcessRegistry } from '../processes/process-registry.ts';
import type { SystemUser } from '../processes/system-user.ts';
import { ServiceChild, type ServiceSample } from './service-child.ts';
import { serviceUser } from './service-user.ts';
import { ServiceTotals } from './service-totals.ts';
import { errorText } from '../../services/shared/error-text.ts';
import type { StopRequest } from '../../services/shared/stop-points.ts';

/** A service that ends within this many ms of its start ended quickly. */
const QUICK_MS = 10_000;
const DEFAULT_MAX_QUICK_RESTARTS = 6;
const BACKOFF = { firstMs: 200, maxMs: 5_000 };
/** ms that a service may take to end when a backend that it needs is gone for good. */
const LOST_STOP_LIMIT_MS = 1_500;

export interface SupervisorOptions {
  readonly modules: Readonly<Record<ServiceRole, string>>;
  readonly deployment: Deployment;
  readonly adminToken: string;
  readonly gatewayPort: number;
  /** Variables for every child, besides the configuration that is made here. */
  readonly env: NodeJS.ProcessEnv;
  readonly registry: ProcessRegistry;
  /** Quick ends in a row after which a service is given up. 6 by default. */
  readonly maxQuickRestarts?: number | undefined;
  onChange(services: readonly ServiceState[]): void;
  onLog(line: LogLine): void;
}

export type SampleListener = (id: string, sample: ServiceSample) => void;
export type ReachedListener = (id: string, point: StopRequest['point']) => void;

/** How the services of a role are started so that links of theirs go through a proxy. */
export interface Relink {
  readonly nodeFlags: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

interface Slot {
  readonly id: string;
  readonly role: ServiceRole;
  state: ServiceState;
  child: ServiceChild | undefined;
  /** Its first port. A restarted gateway takes the same, so that its address stays. */
  port: number;
  quickEnds: number;
  /** Killed on purpose, by a person or an attack. */
  isKilled: boolean;
  timer: NodeJS.Timeout | undefined;
  /** The start that is under way. */
  launching: Promise<void> | undefined;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #slots = new Map<string, Slot>();
  /** Counters of all children, ended ones included. */
  readonly totals = new ServiceTotals();
  readonly #sampleListeners = new Set<SampleListener>();
  readonly #reachedListeners = new Set<ReachedListener>();
  readonly #relinks = new Map<ServiceRole, Relink>();
  #isStopping = false;
  #stopText: string | undefined;
  readonly #user: SystemUser | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#stopText = options.env['FLASHGRID_STOP_AT'] || undefined;
    const { gateway, worker } = options.modules;
    const { user, note } = serviceUser('services', [
      gateway,
      worker,
      join(resourceDir('lua'), 'open-sale.lua'),
    ]);
    this.#user = user;
    if (note) options.onLog({ atMs: Date.now(), part: 'control', level: 'warn', text: note });
  }

  states(): ServiceState[] {
    return [...this.#slots.values()].map((slot) => slot.state);
  }

  /**
   * Calls `listener` with every sample of a service, ten times a second each.
   * @returns the function that unsubscribes it
   */
  onSample(listener: SampleListener): () => void {
    this.#sampleListeners.add(listener);
    return () => this.#sampleListeners.delete(listener);
  }

  /** The address before all gateways, where there is one. */
  frontUrl: string | undefined;

  /** Base URLs under which buyers reach the gateways. */
  buyerUrls(): string[] {
    return this.frontUrl === undefined ? this.gatewayUrls() : [this.frontUrl];
  }

  /** Base URLs of the gateways that serve now. */
  gatewayUrls(): string[] {
    return this.states()
      .filter((service) => service.role === 'gateway' && service.state === 'running')
      .map((service) => `http://127.0.0.1:${service.port}`);
  }

  /**
   * Starts or stops services until there are `count` of a role. Resolves when the new ones are ready and the
   * surplus is gone.
   * @throws FailureError when a new one can't be started; it is removed again
   */
  async scale(role: ServiceRole, count: number): Promise<void> {
    if (this.#isStopping)
      throw new FailureError({
        code: 'service.stopping',
        message: 'The services are being stopped.',
        fix: 'Wait until the cluster is stopped, then start it again.',
      });
    const present = [...this.#slots.values()].filter((slot) => slot.role === role);
    const surplus = present.slice(count);
    const missing = Array.from({ length: Math.max(0, count - present.length) }, () => this.#newSlot(role));
    await Promise.all([
      ...surplus.map((slot) => this.#remove(slot)),
      ...missing.map(async (slot) => {
        try {
          await this.#launch(slot);
        } catch (error) {
          await this.#remove(slot);
          throw error;
        }
      }),
    ]);
  }

  /**
   * Starts the services of a role anew, one after another, so that their connections go another way; later
   * ones and restarts go it, too.
   * @param relink the direct way when it is missing
   * @throws FailureError when one can't be started; the supervisor goes on trying
   */
  async relink(role: ServiceRole, relink: Relink | undefined): Promise<void> {
    if (relink) this.#relinks.set(role, relink);
    else this.#relinks.delete(role);
    const errors: unknown[] = [];
    // One that can't be started must not leave the others on a way that ends.
    for (const slot of [...this.#slots.values()].filter((one) => one.role === role))
      await this.#renew(slot).catch((error: unknown) => errors.push(error));
    if (errors.length > 0) throw errors[0];
  }

  /** Ends one service as a crash would; the supervisor starts it again. */
  kill(id: string): void {
    const { slot, child } = this.#running(id);
    slot.isKilled = true;
    child.kill();
  }

  /**
   * Asks a running service to die, or to stand still for `standMs`, when it gets to a stop point for the
   * `count`th time from now on. A later request replaces an earlier one. The service that is started in its
   * place knows nothing of it.
   * @throws FailureError `service.unknown`
   */
  stopAt(id: string, point: StopRequest['point'], count = 1, standMs?: number): void {
    const { slot, child } = this.#running(id);
    slot.isKilled = standMs === undefined;
    child.send({ type: 'stopAt', point, count, ...(standMs === undefined ? {} : { standMs }) });
  }

  /**
   * Calls `listener` when a service has got to the stop point that it was asked to stop at.
   * @returns the function that unsubscribes it
   */
  onReached(listener: ReachedListener): () => void {
    this.#reachedListeners.add(listener);
    return () => this.#reachedListeners.delete(listener);
  }

  /** Takes back what `stopAt` asked of these services, or of all, and none of them has got to yet. */
  forgetStops(ids?: readonly string[]): void {
    for (const slot of this.#slots.values()) {
      if (ids?.includes(slot.id) === false) continue;
      slot.child?.send({ type: 'forgetStop' });
      // Its next end is not on purpose any more.
      slot.isKilled = false;
    }
  }

  /** Moves the clock of a service, from the true time. Harmless for one that does not run. */
  moveClock(id: string, byMs: number): void {
    this.#slots.get(id)?.child?.send({ type: 'moveClock', byMs });
  }

  /** ms by which the clock of a service is ahead, as its samples show it; NaN when there are none. */
  skewMs(id: string): number {
    return this.#slots.get(id)?.child?.clock.skewMs ?? NaN;
  }

  #running(id: string): { slot: Slot; child: ServiceChild } {
    const slot = this.#slots.get(id);
    if (slot?.child) return { slot, child: slot.child };
    throw new FailureError({
      code: 'service.unknown',
      message: `There is no running service ${id}.`,
      fix: `Take one of: ${[...this.#slots.keys()].join(', ') || 'none runs'}.`,
      field: 'id',
    });
  }

  /** Stops a running service's process, or lets it go on. Harmless for one that has ended meanwhile. */
  signal(id: string, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#slots.get(id)?.child?.signal(signal);
  }

  /**
   * Stops one service in order and starts it again; resolves when it serves.
   * @throws FailureError `service.unknown`, or why it can't be started; the supervisor goes on trying
   */
  async restart(id: string): Promise<void> {
    const { slot } = this.#running(id);
    this.#set(slot, { ...slot.state, restarts: slot.state.restarts + 1 });
    await this.#renew(slot);
  }

  /**
   * Stops gateways first, so that nothing new comes in while the workers finish. When a backend is gone for
   * good, workers can't finish: RabbitMQ hands their frames out again after the next start, so they get less
   * time.
   */
  async stop({ isBackendLost = false } = {}): Promise<void> {
    this.#isStopping = true;
    const limitMs = isBackendLost ? LOST_STOP_LIMIT_MS : undefined;
    for (const role of ['gateway', 'worker'] as const) {
      await Promise.all(
        [...this.#slots.values()]
          .filter((slot) => slot.role === role)
          .map((slot) => this.#remove(slot, limitMs)),
      );
    }
  }

  #newSlot(role: ServiceRole): Slot {
    let number = 1;
    while (this.#slots.has(`${role}-${number}`)) number++;
    const id = `${role}-${number}`;
    const port = role === 'gateway' && number === 1 ? this.#options.gatewayPort : 0;
    const slot: Slot = {
      id,
      role,
      port,
      child: undefined,
      quickEnds: 0,
      isKilled: false,
      timer: undefined,
      launching: undefined,
      state: { id, role, state: 'starting', restarts: 0 },
    };
    this.#slots.set(id, slot);
    return slot;
  }

  #launch(slot: Slot): Promise<void> {
    slot.launching = this.#startChild(slot).finally(() => (slot.launching = undefined));
    return slot.launching;
  }

  async #startChild(slot: Slot): Promise<void> {
    const startedAtMs = Date.now();
    this.#set(slot, { ...slot.state, state: 'starting', startedAtMs });
    const child = new ServiceChild({
      id: slot.id,
      role: slot.role,
      modulePath: this.#options.modules[slot.role],
      nodeFlags: this.#relinks.get(slot.role)?.nodeFlags ?? [],
      env: this.#environment(slot),
      user: this.#user,
      onLog: this.#options.onLog,
      onSample: (sample) => {
        this.totals.add(slot.id, sample);
        for (const listener of this.#sampleListeners) listener(slot.id, sample);
      },
      onReached: (point) => {
        for (const listener of this.#reachedListeners) listener(slot.id, point);
      },
      onExit: (detail, wasAsked) => {
        this.totals.retire(slot.id);
        if (slot.child !== child) return;
        slot.child = undefined;
        if (wasAsked || this.#slots.get(slot.id) !== slot) return;
        this.#options.onLog({
          atMs: Date.now(),
          part: slot.id,
          level: 'error',
          text: `${slot.id} ${detail}`,
        });
        // An end before the first `ready` is handled by whoever launched it.
        if (slot.state.state === 'running') this.#restart(slot, detail, Date.now() - startedAtMs);
      },
    });
    slot.child = child;
    if (child.pid !== undefined) {
      const identity = this.#options.registry.record({
        pid: child.pid,
        role: slot.id,
        command: this.#options.modules[slot.role],
      });
      if (identity) void child.exited.then(() => this.#options.registry.remove(identity));
    }
    const port = await child.ready();
    slot.port = port;
    this.#set(slot, {
      id: slot.id,
      role: slot.role,
      state: 'running',
      restarts: slot.state.restarts,
      startedAtMs,
      port,
      ...(child.pid === undefined ? {} : { pid: child.pid }),
    });
  }

  #restart(slot: Slot, detail: string, livedMs: number): void {
    if (slot.isKilled) slot.isKilled = false;
    else slot.quickEnds = livedMs < QUICK_MS ? slot.quickEnds + 1 : 0;
    const state = { ...slot.state };
    delete state.pid;
    const { maxQuickRestarts = DEFAULT_MAX_QUICK_RESTARTS } = this.#options;
    if (slot.quickEnds > maxQuickRestarts) {
      this.#set(slot, {
        ...state,
        state: 'failed',
        detail: slot.quickEnds > 1 ? `${detail}, ${slot.quickEnds} times in a row` : detail,
      });
      return;
    }
    const waitMs = backoffMs(BACKOFF, slot.quickEnds);
    this.#set(slot, { ...state, state: 'restarting', restarts: state.restarts + 1, detail });
    slot.timer = setTimeout(() => void this.#relaunch(slot), waitMs);
  }

  /**
   * Launches a service that was up before; one that does not get ready is tried again.
   * @returns why it did not
   */
  async #relaunch(slot: Slot): Promise<unknown> {
    const launchedAtMs = Date.now();
    try {
      await this.#launch(slot);
    } catch (error) {
      if (this.#slots.get(slot.id) !== slot) return undefined;
      void slot.child?.stop();
      slot.child = undefined;
      this.#restart(slot, errorText(error), Date.now() - launchedAtMs);
      return error;
    }
    return undefined;
  }

  async #renew(slot: Slot): Promise<void> {
    // A start under way ends first, one way or the other: two children must not share a slot.
    await slot.launching?.catch(() => undefined);
    if (this.#isStopping || this.#slots.get(slot.id) !== slot) return;
    clearTimeout(slot.timer);
    const { child } = slot;
    this.#set(slot, { ...slot.state, state: 'stopping' });
    await child?.stop();
    if (this.#isStopping || this.#slots.get(slot.id) !== slot) return;
    // A restart that was asked for meanwhile has launched it, the new way.
    const error = slot.child === undefined ? await this.#relaunch(slot) : await slot.launching;
    if (error) throw error;
  }

  async #remove(slot: Slot, limitMs?: number): Promise<void> {
    clearTimeout(slot.timer);
    this.#set(slot, { ...slot.state, state: 'stopping' });
    await slot.child?.stop(limitMs);
    slot.child = undefined;
    this.#slots.delete(slot.id);
    this.#options.onChange(this.states());
  }

  #set(slot: Slot, state: ServiceState): void {
    slot.state = state;
    this.#options.onChange(this.states());
  }

  /**
   * FLASHGRID_STOP_AT of our own environment, for the first service of its role and for no other: the service
   * that is started in its place must not stop again.
   */
  #takeStopText(role: ServiceRole): string | undefined {
    const text = this.#stopText;
    if (text?.startsWith('worker.') !== (role === 'worker')) return undefined;
    this.#stopText = undefined;
    return text;
  }

  #environment(slot: Slot): NodeJS.ProcessEnv {
    const { deployment, adminToken, env } = this.#options;
    return {
      ...env,
      ...this.#options.registry.environment(slot.id),
      FLASHGRID_NAMESPACE: deployment.namespace,
      FLASHGRID_AMQP_URL: deployment.amqpUrl,
      FLASHGRID_REDIS_URL: deployment.redisUrl,
      FLASHGRID_POSTGRES_URL: deployment.postgresUrl,
      FLASHGRID_POSTGRES_SCHEMA: deployment.postgresSchema,
      FLASHGRID_INSTANCE_ID: slot.id,
      FLASHGRID_STOP_AT: this.#takeStopText(slot.role),
      ...this.#relinks.get(slot.role)?.env,
      ...(slot.role === 'gateway'
        ? { FLASHGRID_ADMIN_TOKEN: adminToken, FLASHGRID_GATEWAY_PORT: String(slot.port) }
        : {}),
    };
  }
}
