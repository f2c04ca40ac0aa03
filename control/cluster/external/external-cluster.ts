/** Backends that run elsewhere: FlashGrid checks that they serve, and neither starts nor stops them. */
import { withLimit } from '../../../services/shared/time-limit.ts';
import { redact, registerSecrets } from '../../../services/shared/redact.ts';
import { troubleOf } from '../../../services/shared/backend-trouble.ts';
import { topology } from '../../../services/shared/amqp/topology.ts';
import { NAMES, type Cluster, type ClusterEvents, type Endpoints } from '../cluster.ts';
import type { BackendRole, BackendState } from '../../../contract/backends.ts';
import { FailureError } from '../../../contract/failure.ts';
import type { Finding } from '../../../contract/state.ts';
import {
  EXTERNAL_URLS,
  exampleFor,
  urlProblem,
  urlsIn,
  type ExternalUrl,
} from '../../../contract/external-urls.ts';
import { StepReporter } from '../steps.ts';
import { cancelled, throwIfCancelled, whenAborted } from '../native/failures.ts';
import { PROBES, primariesAlone, unsafeSettings } from '../probes.ts';
import { lackingMembers } from './queue-members.ts';
import { parseRedisUrl, redisNodeUrls } from '../../../services/shared/redis-url.ts';
import { errorText } from '../../../services/shared/error-text.ts';

const CHECK_LIMIT_MS = 15_000;
/** ms between two looks at backends of several nodes. Each is a login, which some servers log. */
const LOOK_INTERVAL_MS = 15_000;

export interface ExternalClusterOptions {
  readonly endpoints: Endpoints;
  readonly events: ClusterEvents;
  readonly lookIntervalMs?: number;
}

/** A cluster of backends that others run. */
export function createExternalCluster({
  endpoints,
  events,
  lookIntervalMs = LOOK_INTERVAL_MS,
}: ExternalClusterOptions): Cluster {
  registerSecrets(endpoints.amqpUrl, endpoints.redisUrl, endpoints.postgresUrl);
  const states = new Map<BackendRole, BackendState>();
  const emit = (state: BackendState) => {
    states.set(state.role, state);
    events.onBackend(state);
  };

  let timer: NodeJS.Timeout | undefined;
  const stopLooking = () => clearInterval(timer);

  /** One node of several can end while the others serve on: nothing else would tell. */
  async function lookAgain(target: ExternalUrl): Promise<void> {
    // When none serves, the services tell of it.
    const look = await lookAt(target, endpoints[target.field]).catch(() => undefined);
    const state = states.get(target.role);
    if (look === undefined || state?.state !== 'running' || state.detail === look.detail) return;
    const { role, port, startedAtMs } = state;
    const { version, detail } = look;
    const warning = detail === undefined ? {} : { detail };
    emit({ role, port, startedAtMs, state: 'running', sinceMs: Date.now(), version, ...warning });
  }

  async function check(target: ExternalUrl, step: StepReporter, signal: AbortSignal): Promise<void> {
    throwIfCancelled(signal);
    const { role, title } = target;
    const nodes = parseUrls(target, endpoints[target.field]);
    const port = Number(nodes[0]?.port ?? '');
    const common = { role, ...(port > 0 ? { port } : {}) };
    emit({ ...common, state: 'starting' });
    try {
      const looking = lookAt(target, endpoints[target.field]);
      const { version, detail } = await Promise.race([
        looking,
        whenAborted(signal).then(() => Promise.reject(cancelled())),
      ]);
      const warning = detail === undefined ? {} : { detail };
      emit({ ...common, state: 'running', version, startedAtMs: Date.now(), ...warning });
      step.done(detail ?? `${title} ${version} at ${nodes.map(({ host }) => host).join(', ')}`);
    } catch (error) {
      if (error instanceof FailureError) throw error;
      const problem = errorText(error);
      emit({ ...common, state: 'failed', detail: problem });
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
      const results = await Promise.allSettled(
        EXTERNAL_URLS.map((target) =>
          new StepReporter(events, `${target.role}.check`, `Check ${target.title}`).run((step) =>
            check(target, step, signal),
          ),
        ),
      );
      const failed = results.find((result) => result.status === 'rejected');
      if (failed) throw failed.reason;
      stopLooking();
      const several = EXTERNAL_URLS.filter((target) => nodesIn(target, endpoints[target.field]).length > 1);
      if (several.length > 0)
        timer = setInterval(
          () => several.forEach((target) => void lookAgain(target)),
          lookIntervalMs,
        ).unref();
      return endpoints;
    },
    stop() {
      stopLooking();
      for (const state of states.values()) emit({ ...state, state: 'stopped' });
      return Promise.resolve();
    },
    detach: stopLooking,
    async reset() {
      await this.stop();
    },
    backends: () => [...states.values()],
    stats: () => Promise.resolve([]),
    restart: (role) =>
      Promise.reject(notOurs(`The ${role} of this cluster is run by others: FlashGrid can't restart it.`)),
    kill: (role) =>
      Promise.reject(notOurs(`The ${role} of this cluster is run by others: FlashGrid can't end it.`)),
    pause: (role) =>
      Promise.reject(notOurs(`The ${role} of this cluster is run by others: FlashGrid can't stop it.`)),
    resume: () => Promise.resolve(),
    run: (role) =>
      Promise.reject(notOurs(`The ${role} of this cluster is run by others: FlashGrid can't change it.`)),
    isPaused: () => Promise.resolve(false),
  };
}

function notOurs(message: string): FailureError {
  return new FailureError({
    code: 'external.notOurs',
    message,
    fix: 'Use the native or the Docker cluster, whose backends FlashGrid runs itself.',
  });
}

interface Look {
  readonly version: string;
  /** Which of several nodes does not serve, or what else is wrong while it serves. */
  readonly detail?: string;
  readonly fix?: string;
  /** What could not be learnt. */
  readonly note?: string;
}

const NODE_AWAY =
  'Bring that node back, or take it out of the URL. Until then fewer nodes are left to take over.';
/** Where a URL or a role has its own value, that one counts. */
const settingsFix = (names: readonly string[]) =>
  `As a superuser of Postgres: ${names.map((name) => `ALTER SYSTEM SET ${name} = on;`).join(' ')} SELECT pg_reload_conf(); and take it out of the URL, the role (ALTER ROLE … RESET) and the database (ALTER DATABASE … RESET), if it is set there.`;
const TOO_FEW_MEMBERS =
  'Run that on any node of RabbitMQ: it adds no member by itself. Until then the queue goes with the nodes that it is on.';

/**
 * Asks every node that a setting lists. One that serves is enough, since it leads to all data; of Sentinels, one that leads
 * to a primary.
 * @throws the error of the first one when none serves
 */
async function lookAt(target: ExternalUrl, text: string): Promise<Look> {
  const { role, title } = target;
  const nodes = nodesIn(target, text);
  const probe = PROBES[role];
  const isRedis = role === 'redis';
  let note: string | undefined;
  const [results, primary, alone, members, unsafe] = await withLimit(
    Promise.all([
      Promise.allSettled(nodes.map(({ href }) => probe(href))),
      isRedis && parseRedisUrl(text).kind === 'sentinel' ? probe(text) : undefined,
      // Where that can't be asked, the probes say why.
      isRedis ? primariesAlone(text).catch(() => []) : [],
      role === 'rabbitmq' && nodes.length > 1
        ? lackingMembers(nodes).catch((error: unknown) => {
            note = `How many members its queues have could not be learnt (${errorText(error)}): \`rabbitmq-queues quorum_status ${topology(NAMES.namespace).queue}\` on a node tells.`;
            return [];
          })
        : [],
      // Where that can't be asked, the probe says why.
      role === 'postgres' ? unsafeSettings(text).catch(() => []) : [],
    ]),
    CHECK_LIMIT_MS,
    `no answer within ${CHECK_LIMIT_MS / 1000} s`,
  );
  const away: string[] = [];
  let version = primary;
  for (const [at, result] of results.entries()) {
    if (result.status === 'fulfilled') version ??= result.value;
    else away.push(`${nodes[at]?.host} (${troubleOf(result.reason).reason})`);
  }
  if (version === undefined)
    throw results.find((result) => result.status === 'rejected')?.reason ?? new Error('no address is given');
  const lacks = [
    ...(away.length === 0 ? [] : [`not at ${away.join(', ')}`]),
    ...(alone.length === 0 ? [] : [`no replica follows ${alone.join(', ')}`]),
    ...members,
    ...unsafe.map(({ text }) => text),
  ];
  if (lacks.length === 0) return { version, ...(note === undefined ? {} : { note }) };
  return {
    version,
    detail: `${title} serves, but ${lacks.join('; ')}.`,
    fix:
      unsafe.length > 0
        ? settingsFix([...new Set(unsafe.map(({ name }) => name))])
        : members.length === lacks.length
          ? TOO_FEW_MEMBERS
          : NODE_AWAY,
  };
}

/** @throws FailureError when a URL is missing or of another kind */
function parseUrls(target: ExternalUrl, text: string): URL[] {
  const problem = text === '' ? 'is missing' : urlProblem(target, text);
  if (problem !== undefined)
    throw new FailureError({
      code: 'external.badUrl',
      message: `The URL of ${target.title} ${problem}.`,
      fix: `Give one like ${exampleFor(target, text)} in the settings.`,
      field: `external.${target.field}`,
    });
  return nodesIn(target, text);
}

/** The URLs of the nodes, each of which is asked alone. */
function nodesIn(target: ExternalUrl, text: string): URL[] {
  const urls = target.role === 'redis' && text !== '' ? redisNodeUrls(text) : urlsIn(target, text);
  return urls.map((url) => new URL(url));
}

/** What the doctor says of backends that others run: each is asked, as a start would. */
export async function externalFindings(endpoints: Endpoints): Promise<Finding[]> {
  return await Promise.all(
    EXTERNAL_URLS.map(async (target): Promise<Finding> => {
      const { role, title, field } = target;
      const common = { id: `external.${role}`, title: `${title}, run by others` };
      try {
        const hosts = parseUrls(target, endpoints[field]).map((url) => url.host);
        const { version, detail, fix = NODE_AWAY, note } = await lookAt(target, endpoints[field]);
        if (detail !== undefined)
          return {
            ...common,
            status: 'warning',
            version,
            detail,
            fix,
          };
        return {
          ...common,
          status: 'ok',
          version,
          detail: [`It serves at ${hosts.join(', ')}.`, note].filter(Boolean).join(' '),
        };
      } catch (error) {
        const isOurs = error instanceof FailureError;
        return {
          ...common,
          status: 'missing',
          detail: isOurs ? error.failure.message : `It does not serve: ${errorText(error)}.`,
          fix: isOurs
            ? error.failure.fix
            : `Check that ${title} runs there, that this machine may reach it, and user and password of the URL.`,
        };
      }
    }),
  );
}
