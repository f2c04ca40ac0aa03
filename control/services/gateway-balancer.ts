/**
 * HAProxy before the gateways of a highly available cluster: one address for buyers, whose requests go to the gateways that
 * live. A gateway that is added or removed makes a new HAProxy take over the address from the one before.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { baseEnvironment } from '../cluster/native/base-environment.ts';
import { haproxyConfig } from '../cluster/native/haproxy.ts';
import { spawnProcess, type RunningProcess } from '../cluster/native/spawn-process.ts';
import { connectsTo, waitUntil } from '../cluster/native/wait-until-ready.ts';
import { findFreePorts } from '../lib/free-port.ts';
import type { ProcessRegistry } from '../processes/process-registry.ts';
import type { ServiceState } from '../../contract/state.ts';

const ROLE = 'balancer';
const START_LIMIT_MS = 10_000;
const STOP_LIMITS = { limitMs: 2_000 };
/** ms before one that ended by itself is started again. */
const RESTART_MS = 200;
/** Its path is relative, since that of a Unix socket may hold 107 characters. */
const HAND_OVER = 'hand-over.sock';
/**
 * What buyers get when the gateway that had their request is gone: nobody knows whether it was queued. HAProxy's own answers
 * would be 502 and HTML.
 */
const UNCONFIRMED = JSON.stringify({
  type: 'urn:flashgrid:problem:unconfirmed',
  title: 'The gateway ended before it answered',
  status: 503,
  detail: 'The reservation may be queued. Send it again only with its Idempotency-Key.',
});

export interface GatewayBalancerOptions {
  readonly program: string;
  readonly folder: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly registry: ProcessRegistry;
  onLog(level: 'info' | 'warn', text: string): void;
}

export class GatewayBalancer {
  readonly #options: GatewayBalancerOptions;
  readonly #port: number;
  #servers = '';
  #running: RunningProcess | undefined;
  /** Those, too, that have handed over the address and wait for their last connections. */
  readonly #alive = new Set<RunningProcess>();
  #isStopping = false;

  private constructor(options: GatewayBalancerOptions, port: number) {
    this.#options = options;
    this.#port = port;
  }

  /** Resolves when it takes connections. */
  static async start(
    options: GatewayBalancerOptions,
    services: readonly ServiceState[],
  ): Promise<GatewayBalancer> {
    const [free = 0] = options.port > 0 ? [options.port] : await findFreePorts(1);
    const balancer = new GatewayBalancer(options, free);
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    balancer.update(services);
    try {
      await waitUntil('HAProxy before the gateways', () => connectsTo(free), {
        limitMs: START_LIMIT_MS,
        signal: AbortSignal.timeout(START_LIMIT_MS),
      });
    } catch (error) {
      await balancer.stop();
      throw error;
    }
    return balancer;
  }

  /** The one address of all gateways. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Takes the gateways as they are now. A restarted one keeps its port: that changes nothing. */
  update(services: readonly ServiceState[]): void {
    const servers = services.flatMap(({ id, role, port, state }) =>
      role === 'gateway' && port !== undefined && state !== 'stopping' ? [{ name: id, port }] : [],
    );
    const text = JSON.stringify(servers);
    if (this.#isStopping || servers.length === 0 || text === this.#servers) return;
    this.#servers = text;
    const { folder } = this.#options;
    const answer = `HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json; charset=utf-8\r\ncontent-length: ${UNCONFIRMED.length}\r\n\r\n${UNCONFIRMED}`;
    writeFileSync(join(folder, 'unconfirmed.http'), answer);
    const extra = [
      // To another gateway when this one takes no connection; what was sent is never sent twice.
      'retries 3',
      'option redispatch 1',
      'retry-on conn-failure',
      ...[502, 503, 504].map((status) => `errorfile ${status} unconfirmed.http`),
    ];
    writeFileSync(
      join(folder, 'haproxy.cfg'),
      haproxyConfig(
        [{ name: 'gateways', port: this.#port, mode: 'http', checkPath: '/healthz', servers, extra }],
        // By it the next one gets the open port itself: no connection that waits there is lost.
        [`stats socket unix@${HAND_OVER} mode 600 expose-fd listeners`],
      ),
    );
    this.#spawn();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    const all = [...this.#alive].map(({ identity }) => identity);
    await this.#options.registry.stopAll(all, STOP_LIMITS);
  }

  #spawn(): void {
    const { program, folder, registry, onLog } = this.#options;
    // The one before hands over the address, and ends when its connections do.
    const handOver = this.#running ? ['-x', HAND_OVER, '-sf', String(this.#running.identity.pid)] : [];
    const own = spawnProcess(
      {
        role: ROLE,
        command: program,
        args: ['-db', '-f', 'haproxy.cfg', ...handOver],
        env: baseEnvironment(folder),
        workingDir: folder,
        user: undefined,
      },
      { registry, logPath: join(folder, 'haproxy.log'), fingerprint: '' },
    );
    this.#running = own;
    this.#alive.add(own);
    void own.exit?.then((how) => {
      registry.remove(own.identity);
      this.#alive.delete(own);
      if (this.#isStopping || this.#running !== own) return;
      onLog('warn', `HAProxy before the gateways ended (${how}): it is started again`);
      this.#running = undefined;
      setTimeout(() => {
        if (!this.#isStopping && !this.#running) this.#spawn();
      }, RESTART_MS);
    });
  }
}
