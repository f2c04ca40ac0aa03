/** Engines that run elsewhere: FlashGrid checks that they serve, and neither starts nor stops them. */
import { withLimit } from '../lib/release-stack.ts';
import { redact, registerSecrets } from '../../../services/shared/redact.ts';
import {
  type Cluster,
  type ClusterEvents,
  type Endpoints,
  type EngineRole,
  type EngineState,
  FailureError,
} from './cluster.ts';
import { StepLog } from './native/step-log.ts';
import { cancelled, throwIfCancelled } from './native/failures.ts';
import { probePostgres, probeRabbitmq, probeRedis } from './probes.ts';

const CHECK_LIMIT_MS = 15_000;

export interface ExternalClusterOptions {
  readonly endpoints: Endpoints;
  readonly events: ClusterEvents;
}

interface Target {
  readonly role: EngineRole;
  readonly title: string;
  readonly field: keyof Endpoints;
  readonly protocols: readonly string[];
  readonly probe: (url: string) => Promise<string>;
}

const TARGETS: readonly Target[] = [
  {
    role: 'redis',
    title: 'Redis',
    field: 'redisUrl',
    protocols: ['redis:', 'rediss:'],
    probe: probeAnyRedis,
  },
  {
    role: 'postgres',
    title: 'Postgres',
    field: 'postgresUrl',
    protocols: ['postgres:', 'postgresql:'],
    probe: probePostgres,
  },
  {
    role: 'rabbitmq',
    title: 'RabbitMQ',
    field: 'amqpUrl',
    protocols: ['amqp:', 'amqps:'],
    probe: probeRabbitmq,
  },
];

/** A cluster of engines that others run. */
export function createExternalCluster({ endpoints, events }: ExternalClusterOptions): Cluster {
  registerSecrets(endpoints.amqpUrl, endpoints.redisUrl, endpoints.postgresUrl);
  const states = new Map<EngineRole, EngineState>();
  const say = (state: EngineState) => {
    states.set(state.role, state);
    events.onEngine(state);
  };

  async function check(target: Target, signal: AbortSignal) {
    throwIfCancelled(signal);
    const { role, title } = target;
    const urls = parseUrls(target, endpoints[target.field]);
    const port = Number(urls[0]?.port ?? '');
    const common = { role, ...(port > 0 ? { port } : {}) };
    say({ ...common, state: 'starting' });
    try {
      const version = await withLimit(
        Promise.race([target.probe(endpoints[target.field]), whenAborted(signal)]),
        CHECK_LIMIT_MS,
        `no answer within ${CHECK_LIMIT_MS / 1000} s`,
      );
      say({ ...common, state: 'running', version, startedAtMs: Date.now() });
      return { value: undefined, detail: `${title} ${version} at ${urls.map((url) => url.host).join(', ')}` };
    } catch (error) {
      if (error instanceof FailureError) throw error;
      const problem = error instanceof Error ? error.message || error.name : String(error);
      say({ ...common, state: 'failed', detail: problem });
      throw new FailureError(
        {
          code: 'external.unreachable',
          message: `${title} at ${redact(endpoints[target.field])} does not serve: ${problem}.`,
          fix: `Check that ${title} runs there, that this machine may reach it, and user and password of the URL.`,
          field: `external.${target.field}`,
        },
        { cause: error },
      );
    }
  }

  return {
    provider: 'external',
    async start(signal) {
      const ids = TARGETS.map(({ role, title }) => ({ id: `${role}.check`, title: `Check ${title}` }));
      const steps = new StepLog(events, ids);
      const results = await Promise.allSettled(
        TARGETS.map((target) => steps.run(`${target.role}.check`, () => check(target, signal))),
      );
      const failed = results.find((result) => result.status === 'rejected');
      if (failed) throw failed.reason;
      return endpoints;
    },
    stop() {
      for (const state of states.values()) say({ ...state, state: 'stopped' });
      return Promise.resolve();
    },
    detach: () => undefined,
    async reset() {
      await this.stop();
    },
    engines: () => [...states.values()],
    stats: () => Promise.resolve([]),
    restart: (role) =>
      Promise.reject(notOurs(`The ${role} of this cluster is run by others: FlashGrid can't restart it.`)),
    kill: (role) =>
      Promise.reject(notOurs(`The ${role} of this cluster is run by others: FlashGrid can't end it.`)),
  };
}

function notOurs(message: string): FailureError {
  return new FailureError({
    code: 'external.notOurs',
    message,
    fix: 'Use the native or the Docker cluster, whose backends FlashGrid runs itself.',
  });
}

/** Seeds of a Redis Cluster are parted by commas: one that answers is enough, since the client finds the others. */
async function probeAnyRedis(urls: string): Promise<string> {
  try {
    return await Promise.any(urls.split(',').map(probeRedis));
  } catch (error) {
    throw error instanceof AggregateError ? error.errors[0] : error;
  }
}

/** @throws FailureError when a URL is missing or of another kind */
function parseUrls({ title, field, protocols }: Target, text: string): URL[] {
  const fail = (problem: string) =>
    new FailureError({
      code: 'external.badUrl',
      message: `The URL of ${title} ${problem}.`,
      fix: `Give one like ${protocols[0]}//user:password@host:port in the settings.`,
      field: `external.${field}`,
    });
  if (text === '') throw fail('is missing');
  return text.split(',').map((part) => {
    const url = URL.canParse(part) ? new URL(part) : undefined;
    if (!url || !protocols.includes(url.protocol)) throw fail(`is not a ${protocols.join(' or ')} URL`);
    return url;
  });
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(cancelled()), { once: true });
  });
}
