/**
 * The backends as every frontend shows them: what the provider knows of the process or container, and over it
 * what the services find when they use it. A process that is alive and takes no writes is not running.
 */
import { type BackendHealth, describeTrouble } from '../../services/shared/backend-trouble.ts';
import { REFUSES_MESSAGES } from '../../services/shared/amqp/broker-canary.ts';
import type { Backends } from '../../services/shared/messages.ts';
import { type BackendRole, type BackendState, BACKEND_TITLES } from '../../contract/backends.ts';

/** ms after which the last report of a silent service no longer counts. */
const STALE_MS = 2_000;
/** ms that services may take to reconnect to a backend that has just started. */
const CONNECT_MS = 5_000;
/** ms of a trouble that does not heal by itself, after which the backend is restarted. */
const RESTART_AFTER_MS = 15_000;

interface Report {
  readonly heardMs: number;
  readonly backends: Backends;
}

export class BackendViews {
  readonly #reports = new Map<string, Report>();
  /** Since when RabbitMQ has been in a state that a restart heals. */
  #hopelessSinceMs: number | undefined;

  /** Takes a service's report on the backends. */
  observe(serviceId: string, backends: Backends): void {
    this.#reports.set(serviceId, { heardMs: Date.now(), backends });
  }

  /** Removes all reports: other services follow, or none. */
  clear(): void {
    this.#reports.clear();
    this.#hopelessSinceMs = undefined;
  }

  /** The backend as it is to be shown, from the report of its provider. */
  view(backend: BackendState, now = Date.now()): BackendState {
    const trouble = this.#trouble(backend.role, now);
    if (backend.state !== 'running' || trouble === undefined) return backend;
    const title = BACKEND_TITLES[backend.role];
    if (trouble.state === 'away' && now - (backend.startedAtMs ?? 0) < CONNECT_MS)
      return { ...backend, state: 'starting', detail: `${title} serves; the services connect to it.` };
    const detail = `${describeTrouble(title, trouble)}${trouble.seenBy}`;
    return { ...backend, state: 'unhealthy', detail, sinceMs: trouble.sinceMs };
  }

  /**
   * Why a backend that lives must be restarted. RabbitMQ's write-ahead log, once it has failed on a full
   * disk, does not come back by itself, and takes all quorum queues along: every message is refused until the
   * node starts anew. Redis and Postgres heal with their cause.
   */
  whyRestart(backend: BackendState, now = Date.now()): string | undefined {
    if (backend.role !== 'rabbitmq') return undefined;
    const trouble = backend.state === 'running' ? this.#trouble('rabbitmq', now) : undefined;
    const isHealedByRestart =
      trouble?.state === 'silent' || trouble?.state === 'away' || trouble?.reason === REFUSES_MESSAGES;
    if (trouble === undefined || !isHealedByRestart) {
      this.#hopelessSinceMs = undefined;
      return undefined;
    }
    // Not the moment at which the trouble began: an alarm may have come first, and its end must be waited
    // for.
    this.#hopelessSinceMs ??= now;
    const beganMs = Math.max(this.#hopelessSinceMs, backend.startedAtMs ?? 0);
    if (now - beganMs < RESTART_AFTER_MS) return undefined;
    this.#hopelessSinceMs = undefined;
    return `${describeTrouble('RabbitMQ', trouble)} That has lasted for ${Math.round((now - beganMs) / 1_000)} s, so it is restarted.`;
  }

  /** The trouble that began first, of those that the services report now. */
  #trouble(role: BackendRole, now: number): (BackendHealth & { readonly seenBy: string }) | undefined {
    const fresh = [...this.#reports].filter(([, { heardMs }]) => now - heardMs < STALE_MS);
    const sick = fresh
      .map(([id, { backends }]) => ({ id, health: backends[role] }))
      .filter(({ health }) => health.state !== 'ok')
      .sort((a, b) => a.health.sinceMs - b.health.sinceMs);
    const [first] = sick;
    if (first === undefined) return undefined;
    const isSeenByAll = sick.length === fresh.length;
    return { ...first.health, seenBy: isSeenByAll ? '' : ` Seen by ${sick.map(({ id }) => id).join(', ')}.` };
  }
}
