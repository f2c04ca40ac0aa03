/**
 * The backends of one cluster: what to show of each, and when to start it again.
 *
 * Until the cluster runs, a backend is shown as its provider reports it. From `watch` to `unwatch`, what the
 * services find counts too, and a backend of ours that has ended, or that only a restart heals, is started
 * again.
 */
import type { Backends } from '../../services/shared/messages.ts';
import {
  type BackendRole,
  type BackendState,
  type MemberState,
  BACKEND_TITLES,
} from '../../contract/backends.ts';
import { BackendRestarts } from './backend-restarts.ts';
import { BackendViews } from './backend-views.ts';
import type { Cluster } from './cluster.ts';
import type { StepReporter } from './steps.ts';

/** ms that a member stays away once it has ended: longer than another one takes to follow it as the leader. */
const MEMBER_PAUSE_MS = 8_000;

export interface BackendKeeperOptions {
  step(id: string, title: string, work: (step: StepReporter) => Promise<void>): Promise<void>;
  onChange(): void;
  onLog(level: 'info' | 'warn' | 'error', text: string): void;
}

export class BackendKeeper {
  readonly #options: BackendKeeperOptions;
  readonly #views = new BackendViews();
  /** The last report of the provider on each backend. */
  readonly #reported = new Map<BackendRole, BackendState>();
  /** What the restarts last said of a member. */
  readonly #awayMembers = new Map<string, Pick<MemberState, 'state' | 'detail'>>();
  #shown: readonly BackendState[] = [];
  #isWatching = false;
  #restarts: BackendRestarts | undefined;

  constructor(options: BackendKeeperOptions) {
    this.#options = options;
  }

  /** The backends as they are to be shown: one that is being started again is not lost. */
  get shown(): readonly BackendState[] {
    return this.#shown;
  }

  /** The cluster runs: from now on, a backend of ours that ends is started again. */
  watch(cluster: Cluster): void {
    this.#isWatching = true;
    if (cluster.provider === 'external') return;
    const restarts = new BackendRestarts({
      restart: async (part, signal) => {
        const backend = this.#reported.get(roleOf(part, this.#reported.values()));
        if (!backend) return;
        const { role } = backend;
        const member = part === role ? undefined : part;
        const title = member ?? BACKEND_TITLES[role];
        await this.#options.step(`${part}.restart`, `Start ${title} again`, async (step) => {
          await cluster.restart(role, signal, member);
          const whole = cluster.backends().find((one) => one.role === role);
          const now = member === undefined ? whole : whole?.members?.find(({ name }) => name === member);
          if (now?.state === 'failed') throw new Error(now.detail ?? `${title} has ended again.`);
          step.done(`restart ${restarts.count(part)}`);
        });
      },
      onState: (part, state, detail) => {
        const role = roleOf(part, this.#reported.values());
        const reported = this.#reported.get(role);
        const present = this.#shown.find((backend) => backend.role === role);
        this.#awayMembers.set(part, { state, detail });
        if (part !== role && reported) this.#show(reported);
        else if (present) this.#upsert({ ...present, state, detail });
      },
      onLog: (level, text) => this.#options.onLog(level, text),
    });
    this.#restarts = restarts;
    // A backend may have ended while the services started.
    for (const backend of cluster.backends()) {
      if (backend.members) this.handle(backend);
      else if (backend.state === 'failed') endedBy(restarts, backend);
    }
  }

  /** The cluster stops: its backends end because they are told to. Resolves when no restart is under way. */
  async unwatch(): Promise<void> {
    this.#isWatching = false;
    await this.#restarts?.close();
    this.#restarts = undefined;
    this.#views.clear();
  }

  /** Forgets all reports, and shows these backends instead. */
  reset(backends: readonly BackendState[] = []): void {
    this.#reported.clear();
    this.#shown = backends;
  }

  /** The next end of this backend is on purpose, so it does not count towards giving up. */
  expectKill(role: BackendRole): void {
    this.#restarts?.expectKill(role);
  }

  /** Takes a report of the provider. */
  handle(backend: BackendState): void {
    this.#reported.set(backend.role, backend);
    const restarts = this.#restarts;
    if (!this.#isWatching) this.#upsert(backend);
    else if (!restarts) this.#show(backend);
    else if (backend.members) {
      for (const member of backend.members)
        if (member.state === 'failed') endedMember(restarts, backend.role, member);
      this.#show(backend);
    }
    // During a restart, `restarts` reports how it goes and when the next try comes.
    else if (restarts.isBusy(backend.role) && backend.state !== 'running') return;
    else if (backend.state === 'failed') endedBy(restarts, backend);
    else this.#show(backend);
  }

  /** Takes what a service has found when it used the backends. */
  observe(serviceId: string, health: Backends | undefined): void {
    if (!this.#isWatching) return;
    if (health) this.#views.observe(serviceId, health);
    for (const backend of this.#reported.values()) {
      if (this.#restarts?.isBusy(backend.role)) continue;
      const why = this.#views.whyRestart(backend);
      if (why !== undefined && this.#restarts) this.#restarts.ended(backend.role, why);
      else this.#show(backend);
    }
  }

  #show(reported: BackendState): void {
    const backend = this.#withAwayMembers(reported);
    const parts = [backend.role, ...(backend.members ?? []).map(({ name }) => name)];
    const count = parts.reduce((sum, part) => sum + (this.#restarts?.count(part) ?? 0), 0);
    const view = this.#views.view(count === 0 ? backend : { ...backend, restarts: count });
    const shown = this.#shown.find(({ role }) => role === view.role);
    const isSame =
      shown?.state === view.state &&
      shown.detail === view.detail &&
      shown.handle === view.handle &&
      shown.restarts === view.restarts &&
      JSON.stringify(shown.members) === JSON.stringify(view.members);
    if (!isSame) this.#upsert(view);
  }

  /** A member that is being started again is not lost. */
  #withAwayMembers(backend: BackendState): BackendState {
    if (!backend.members) return backend;
    const members = backend.members.map((member): MemberState => {
      const absent = this.#restarts?.isBusy(member.name) ? this.#awayMembers.get(member.name) : undefined;
      return absent && member.state !== 'running' ? { ...member, ...absent } : member;
    });
    return { ...backend, members };
  }

  #upsert(backend: BackendState): void {
    const before = this.#shown.find(({ role }) => role === backend.role);
    const isNew = before?.state !== backend.state;
    const sinceMs = backend.sinceMs ?? (isNew ? Date.now() : before.sinceMs) ?? Date.now();
    const shown = { ...backend, sinceMs };
    if (isNew && before && this.#isWatching) {
      const why = backend.state === 'running' || !backend.detail ? '' : `: ${backend.detail}`;
      const level = backend.state === 'running' ? 'info' : 'warn';
      this.#options.onLog(level, `${BACKEND_TITLES[backend.role]} is ${backend.state}${why}`);
    }
    this.#shown = before
      ? this.#shown.map((present) => (present.role === backend.role ? shown : present))
      : [...this.#shown, shown];
    this.#options.onChange();
  }
}

function endedBy(restarts: BackendRestarts, { role, detail }: BackendState): void {
  restarts.ended(role, detail ?? `${BACKEND_TITLES[role]} has ended.`);
}

/** A member is named after its backend; a helper, as a Sentinel or HAProxy, need not wait: nobody follows it. */
function endedMember(restarts: BackendRestarts, role: BackendRole, { name, detail }: MemberState): void {
  restarts.ended(name, detail ?? `${name} has ended.`, name.startsWith(`${role}-`) ? MEMBER_PAUSE_MS : 0);
}

/** The backend that a restart is about, or whose member it is. */
function roleOf(part: string, backends: Iterable<BackendState>): BackendRole {
  const owner = [...backends].find(
    ({ role, members = [] }) => role === part || members.some(({ name }) => name === part),
  );
  if (!owner) throw new Error(`no backend has the member ${part}`);
  return owner.role;
}
