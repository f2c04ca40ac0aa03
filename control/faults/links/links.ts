/**
 * Breaks the links between parts, through a proxy that is there only while a link is to be broken.
 *
 *   const links = new Links({ … });            // starts nothing
 *   await links.put(['worker-redis', …]);      // starts the proxy, and the services anew, one after another
 *   const targets = links.gatewayUrls(urls);   // for the load generators; the same URLs without `buyers-gateway`
 *   const link = links.link('worker-redis');
 *   await link.apply({ kind: 'delay', ms: 200, jitterMs: 50 });
 *   tookEffect(fault, await link.effect());    // contract/links.ts
 *   await link.heal();
 *   await links.remove();                      // services back on the direct way, the proxy gone
 *
 * Put a link before the first request: services are started anew for it, and a single gateway is away for a
 * moment. The control centre's own connections never go through the proxy.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { FailureError } from '../../../contract/failure.ts';
import {
  LINKS,
  LINK_NAMES,
  type LinkEffect,
  type LinkFault,
  type LinkName,
} from '../../../contract/links.ts';
import type { LogLine, ServiceRole } from '../../../contract/state.ts';
import { errorText } from '../../../services/shared/error-text.ts';
import type { Deployment } from '../../cluster/cluster.ts';
import type { ProcessRegistry } from '../../processes/process-registry.ts';
import type { Relink, Supervisor } from '../../services/supervisor.ts';
import { addressesOf } from './addresses.ts';
import { ProxyProcess } from './proxy-process.ts';
import { REROUTE_VARIABLE, addressKey, type Routes } from './reroute.ts';

/** ms within which a service must have connected through each of its links: it proves a backend every second. */
const USE_LIMIT_MS = 5_000;
const USE_LOOK_MS = 50;

export interface LinksOptions {
  readonly supervisor: Pick<Supervisor, 'relink' | 'buyerUrls'>;
  readonly deployment: Deployment;
  readonly registry: ProcessRegistry;
  /** Built entries: the proxy's process, and what is loaded into a service whose link goes through it. */
  readonly modules: { readonly links: string; readonly reroute: string };
  readonly env: NodeJS.ProcessEnv;
  onLog(line: LogLine): void;
}

/** One link that goes through the proxy. */
export interface Link {
  readonly name: LinkName;
  /** Puts a fault on the link, in place of the one that it has, and begins to count its effect. */
  apply(fault: LinkFault): Promise<void>;
  /** Lets everything through again. @returns the effect of the fault */
  heal(): Promise<LinkEffect>;
  /** Figures since the last `apply`, or since the link was put in. */
  effect(): Promise<LinkEffect>;
}

export class Links {
  readonly #options: LinksOptions;
  #proxy: ProxyProcess | undefined;
  /** Of each link that is put in: from an address to the proxy's port. */
  readonly #routes = new Map<LinkName, Routes>();
  /** `put` and `remove`, one after the other. */
  #work: Promise<void> = Promise.resolve();

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  /** The links that go through the proxy now. */
  get names(): LinkName[] {
    return [...this.#routes.keys()];
  }

  /** Pid of the proxy while it runs. */
  get pid(): number | undefined {
    return this.#proxy?.pid;
  }

  /**
   * Puts links through the proxy, and starts the services of their ends anew, one after another; links that
   * are there stay as they are. When it fails, all links are on the direct way again.
   * @throws FailureError `links.unsupported`, `links.lost`, `links.notUsed`, `service.notReady`
   */
  put(names: readonly LinkName[]): Promise<void> {
    return this.#after(async () => {
      const missing = LINK_NAMES.filter((name) => names.includes(name) && !this.#routes.has(name));
      // Before anything is started: one that can't be broken changes nothing.
      const upstreams = missing.map((name) => [name, this.#addressesOf(name)] as const);
      try {
        for (const [name, addresses] of upstreams) {
          const proxy = (this.#proxy ??= await this.#start());
          const ports = await proxy.open(name, addresses);
          this.#routes.set(
            name,
            Object.fromEntries(
              addresses.map(({ host, port }, at) => [addressKey(host, port), ports[at] ?? 0]),
            ),
          );
        }
        await this.#relink(rolesOf(missing));
        await this.#proveUse(missing);
      } catch (error) {
        await this.#removeAll();
        throw error;
      }
    });
  }

  /** @throws FailureError `links.notPut` */
  link(name: LinkName): Link {
    const proxy = this.#proxy;
    if (!proxy || !this.#routes.has(name)) throw notPut(name);
    return {
      name,
      apply: (fault) => proxy.apply(name, fault),
      heal: () => proxy.heal(name),
      effect: () => proxy.effect(name),
    };
  }

  /** The URLs under which buyers reach gateways: the proxy's, where `buyers-gateway` is put in. */
  gatewayUrls(urls: readonly string[]): string[] {
    const routes = this.#routes.get('buyers-gateway');
    if (!routes) return [...urls];
    return urls.map((text) => {
      const url = new URL(text);
      const port = routes[addressKey(url.hostname, Number(url.port))];
      // A gateway that was started after the link was put in.
      if (port === undefined) return text;
      url.hostname = '127.0.0.1';
      url.port = String(port);
      return url.origin;
    });
  }

  /** Brings the services back on the direct way, and ends the proxy. Harmless when nothing is put in. */
  remove(): Promise<void> {
    return this.#after(() => this.#removeAll());
  }

  /** @throws what brings a service back on the direct way; the proxy is ended all the same */
  async #removeAll(): Promise<void> {
    const proxy = this.#proxy;
    const roles = rolesOf(this.names);
    this.#proxy = undefined;
    try {
      // A polite stop of a service needs its backends.
      for (const name of this.names) await proxy?.heal(name).catch(() => undefined);
      this.#routes.clear();
      await this.#relink(roles);
    } finally {
      await proxy?.stop();
    }
  }

  /** One service of a role after another, so that service goes on; the two roles at once. */
  async #relink(roles: readonly ServiceRole[]): Promise<void> {
    const done = await Promise.allSettled(
      roles.map((role) => this.#options.supervisor.relink(role, this.#way(role))),
    );
    for (const one of done) if (one.status === 'rejected') throw one.reason;
  }

  #way(role: ServiceRole): Relink | undefined {
    const routes: Routes = {};
    for (const [name, those] of this.#routes) if (LINKS[name].from === role) Object.assign(routes, those);
    if (Object.keys(routes).length === 0) return undefined;
    return {
      nodeFlags: [`--import=${pathToFileURL(this.#options.modules.reroute).href}`],
      env: { [REROUTE_VARIABLE]: JSON.stringify(routes) },
    };
  }

  #addressesOf(name: LinkName) {
    const { to } = LINKS[name];
    if (to !== 'gateway') return addressesOf(to, this.#options.deployment, name);
    const urls = this.#options.supervisor.buyerUrls();
    if (urls.length === 0)
      throw new FailureError({
        code: 'gateway.notRunning',
        message: `The link ${name} can't be put in: no gateway runs.`,
        fix: 'Start at least one gateway.',
      });
    return urls.map((text) => {
      const { hostname, port } = new URL(text);
      return { host: hostname, port: Number(port) };
    });
  }

  /** A link that no connection uses would break nothing. */
  async #proveUse(names: readonly LinkName[]): Promise<void> {
    const deadlineMs = performance.now() + USE_LIMIT_MS;
    for (const name of names) {
      if (name === 'buyers-gateway') continue;
      while ((await this.link(name).effect()).connections === 0) {
        await sleep(USE_LOOK_MS);
        if (performance.now() < deadlineMs) continue;
        throw new FailureError({
          code: 'links.notUsed',
          message: `No connection of the link ${name} goes through the proxy, so it can't be broken.`,
          fix: 'This is a defect of FlashGrid: please report it with the logs.',
        });
      }
    }
  }

  #start(): Promise<ProxyProcess> {
    const { modules, env, registry } = this.#options;
    return ProxyProcess.start({
      modulePath: modules.links,
      env,
      registry,
      onLog: (text) => this.#log('warn', text),
      onLost: (why) => {
        this.#log('error', `the proxy between the parts ${why}: the services go back on the direct way`);
        this.remove().catch((error: unknown) => this.#log('error', errorText(error)));
      },
    });
  }

  #after(work: () => Promise<void>): Promise<void> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => undefined);
    return done;
  }

  #log(level: LogLine['level'], text: string): void {
    this.#options.onLog({ atMs: Date.now(), part: 'links', level, text });
  }
}

/** The services whose connections these links are. */
function rolesOf(names: readonly LinkName[]): ServiceRole[] {
  return (['gateway', 'worker'] as const).filter((role) => names.some((name) => LINKS[name].from === role));
}

function notPut(name: LinkName): FailureError {
  return new FailureError({
    code: 'links.notPut',
    message: `The link ${name} does not go through the proxy.`,
    fix: 'Put it in before it is broken.',
  });
}
