/** Engines that run elsewhere: FlashGrid checks that they serve, and neither starts nor stops them. */
import { withLimit } from '../../lib/release-stack.ts';
import { redact, registerSecrets } from '../../../services/shared/redact.ts';
import type { Cluster, ClusterEvents, Endpoints } from '../cluster.ts';
import type { EngineRole, EngineState } from '../../../contract/backends.ts';
import { FailureError } from '../../../contract/failure.ts';
import type { Finding } from '../../../contract/contract.ts';
import { EXTERNAL_URLS, urlProblem, type ExternalUrl } from '../../../contract/external-urls.ts';
import { StepLog } from '../native/step-log.ts';
import { cancelled, throwIfCancelled } from '../native/failures.ts';
import { probePostgres, probeRabbitmq, probeRedis } from '../probes.ts';

const CHECK_LIMIT_MS = 15_000;

export interface ExternalClusterOptions {
  readonly endpoints: Endpoints;
  readonly events: ClusterEvents;
}

/** Proof that a backend serves; gives its version. */
const PROBES: Readonly<Record<EngineRole, (url: string) => Promise<string>>> = {
  redis: probeAnyRedis,
  postgres: probePostgres,
  rabbitmq: probeRabbitmq,
};

/** A cluster of engines that others run. */
export function createExternalCluster({ endpoints, events }: ExternalClusterOptions): Cluster {
  registerSecrets(endpoints.amqpUrl, endpoints.redisUrl, endpoints.postgresUrl);
  const states = new Map<EngineRole, EngineState>();
  const say = (state: EngineState) => {
    states.set(state.role, state);
    events.onEngine(state);
  };

  async function check(target: ExternalUrl, signal: AbortSignal) {
    throwIfCancelled(signal);
    const { role, title } = target;
    const urls = parseUrls(target, endpoints[target.field]);
    const port = Number(urls[0]?.port ?? '');
    const common = { role, ...(port > 0 ? { port } : {}) };
    say({ ...common, state: 'starting' });
    try {
      const version = await withLimit(
        Promise.race([PROBES[role](endpoints[target.field]), whenAborted(signal)]),
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
      const ids = EXTERNAL_URLS.map(({ role, title }) => ({ id: `${role}.check`, title: `Check ${title}` }));
      const steps = new StepLog(events, ids);
      const results = await Promise.allSettled(
        EXTERNAL_URLS.map((target) => steps.run(`${target.role}.check`, () => check(target, signal))),
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
function parseUrls(target: ExternalUrl, text: string): URL[] {
  const problem = text === '' ? 'is missing' : urlProblem(target, text);
  if (problem !== undefined)
    throw new FailureError({
      code: 'external.badUrl',
      message: `The URL of ${target.title} ${problem}.`,
      fix: `Give one like ${target.example} in the settings.`,
      field: `external.${target.field}`,
    });
  return text.split(',').map((part) => new URL(part));
}

/** What the doctor says of backends that others run: each is asked, as a start would. */
export async function externalFindings(endpoints: Endpoints): Promise<Finding[]> {
  return await Promise.all(
    EXTERNAL_URLS.map(async (target): Promise<Finding> => {
      const { role, title, field } = target;
      const common = { id: `external.${role}`, title: `${title}, run by others` };
      try {
        const hosts = parseUrls(target, endpoints[field]).map((url) => url.host);
        const version = await withLimit(
          PROBES[role](endpoints[field]),
          CHECK_LIMIT_MS,
          `no answer within ${CHECK_LIMIT_MS / 1000} s`,
        );
        return { ...common, status: 'ok', version, detail: `It serves at ${hosts.join(', ')}.` };
      } catch (error) {
        const isOurs = error instanceof FailureError;
        return {
          ...common,
          status: 'missing',
          detail: isOurs
            ? error.failure.message
            : `It does not serve: ${error instanceof Error ? error.message || error.name : String(error)}.`,
          fix: isOurs
            ? error.failure.fix
            : `Check that ${title} runs there, that this machine may reach it, and user and password of the URL.`,
        };
      }
    }),
  );
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(cancelled()), { once: true });
  });
}
