/** Looks for a container runtime that answers, and records why each other place does not. */
import type Docker from 'dockerode';
import { z } from 'zod';
import { directAgent, directTlsAgent } from '../../lib/loopback.ts';
import type { Failure } from '../../../contract/failure.ts';
import { errorCode, errorText } from './errors.ts';
import { daemonPlaces, ownSurroundings, type Place, type Surroundings } from './places.ts';

/** ms that a daemon may take to answer with its version. */
const FIND_TIMEOUT_MS = 3_000;
/** Docker 19.03; older daemons lack what is needed. */
const MIN_API = 1.4;

export type WhyNot =
  'absent' | 'refused' | 'noPermission' | 'timeout' | 'unsupported' | 'unreachable' | 'notADaemon';

export interface Attempt {
  readonly where: string;
  readonly source: string;
  readonly why: WhyNot;
  readonly detail: string;
}

export interface FoundDaemon {
  readonly docker: Docker;
  readonly where: string;
  readonly version: string;
  readonly kind: 'docker' | 'podman';
}

export type DaemonSearch =
  | { readonly found: FoundDaemon; readonly tried: readonly Attempt[] }
  | { readonly found?: undefined; readonly tried: readonly Attempt[]; readonly failure: Failure };

const versionSchema = z.object({
  Version: z.string(),
  ApiVersion: z.string(),
  Os: z.string().optional(),
  Components: z.array(z.object({ Name: z.string(), Version: z.string().optional() })).nullish(),
});

/**
 * Asks all places at once and chooses the best of those that answer.
 * @param timeoutMs each place's limit, and so about the whole search's
 */
export async function findDockerDaemon({
  timeoutMs = FIND_TIMEOUT_MS,
  around = ownSurroundings(),
}: { timeoutMs?: number; around?: Surroundings } = {}): Promise<DaemonSearch> {
  const answers = await Promise.all(daemonPlaces(around).map((place) => ask(place, timeoutMs)));
  const tried = answers.filter((answer) => 'why' in answer);
  const found = answers.find((answer) => 'docker' in answer);
  return found ? { found, tried } : { tried, failure: failureOf(tried, around) };
}

async function ask(place: Place, timeoutMs: number): Promise<FoundDaemon | Attempt> {
  const { where, source } = place;
  const failed = (why: WhyNot, detail: string): Attempt => ({ where, source, why, detail });
  if (!place.options) return failed('unsupported', place.problem ?? 'the address can not be used');
  // With it come 150 files, which a start without Docker, and most commands of the terminal, do not need.
  const { default: Dockerode } = await import('dockerode');
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    // The daemon is on this machine: never use a proxy. docker-modem accepts `agent`, which its types lack.
    const agent = place.options.protocol === 'https' ? directTlsAgent : directAgent;
    const docker = new Dockerode(Object.assign({}, place.options, { agent }));
    const answer = await versionOf(docker, limit);
    const parsed = versionSchema.safeParse(answer);
    if (!parsed.success) return failed('notADaemon', 'something else answers there');
    const { Version: version, ApiVersion, Os, Components } = parsed.data;
    if (apiNumber(ApiVersion) < MIN_API)
      return failed('unsupported', `its API ${ApiVersion} is older than 1.40: update the daemon`);
    if (Os === 'windows')
      return failed('unsupported', 'it runs Windows containers: switch it to Linux containers');
    const isPodman = Components?.some((component) => /podman/i.test(component.Name)) ?? false;
    return { docker, where, version, kind: isPodman ? 'podman' : 'docker' };
  } catch (error) {
    if (limit.aborted) return failed('timeout', `no answer within ${timeoutMs} ms`);
    return failed(whyOf(error), errorText(error));
  }
}

function versionOf(docker: Docker, abortSignal: AbortSignal): Promise<unknown> {
  // dockerode's version() can't be aborted: a daemon that hangs would keep the socket open.
  return new Promise((resolve, reject) => {
    docker.modem.dial(
      { path: '/version', method: 'GET', abortSignal, statusCodes: { 200: true, 500: 'server error' } },
      (error: unknown, answer: unknown) =>
        error ? reject(error instanceof Error ? error : new Error(String(error))) : resolve(answer),
    );
  });
}

/** 1.9 is older than 1.40: the part after the dot is a whole number. */
function apiNumber(version: string): number {
  const [major = '0', minor = '0'] = version.split('.');
  return Number(major) + Number(minor) / 100;
}

function whyOf(error: unknown): WhyNot {
  switch (errorCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'absent';
    case 'ECONNREFUSED':
      return 'refused';
    case 'EACCES':
    case 'EPERM':
      return 'noPermission';
    case 'ENOTFOUND':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EAI_AGAIN':
      return 'unreachable';
    default:
      return 'notADaemon';
  }
}

const WHY_TEXT: Record<WhyNot, string> = {
  absent: 'not there',
  refused: 'there, but nothing listens',
  noPermission: 'no permission',
  timeout: 'no answer',
  unsupported: 'can not be used',
  unreachable: 'can not be reached',
  notADaemon: 'not a Docker daemon',
};

/** One line for each place: `unix:///var/run/docker.sock (Docker): not there`. */
export function describeAttempts(tried: readonly Attempt[]): string {
  return tried
    .map(({ where, source, why, detail }) => {
      const reason = why === 'absent' ? WHY_TEXT.absent : `${WHY_TEXT[why]} (${detail})`;
      return `${where} (${source}): ${reason}`;
    })
    .join('\n');
}

function failureOf(tried: readonly Attempt[], around: Surroundings): Failure {
  // The reason that says most comes first; "absent" everywhere means that there is no daemon.
  const attemptWith = (why: WhyNot) => tried.find((attempt) => attempt.why === why);
  const message = `No container runtime answers.\nLooked at:\n${describeAttempts(tried)}`;
  const denied = attemptWith('noPermission');
  if (denied) {
    const fix = `Give yourself access to ${denied.where}: "sudo usermod -aG docker $USER", then log in again; or use the provider "native".`;
    return { code: 'docker.noPermission', message, fix };
  }
  const hanging = attemptWith('timeout');
  if (hanging) {
    const fix = `The daemon at ${hanging.where} hangs: restart Docker (Docker Desktop: Troubleshoot, Restart; Linux: "sudo systemctl restart docker"), then try again.`;
    return { code: 'docker.timeout', message, fix };
  }
  const refused = attemptWith('refused') ?? attemptWith('unreachable');
  if (refused) {
    const fix = `The daemon at ${refused.where} is not running: start Docker (Linux: "sudo systemctl start docker"), then try again.`;
    return { code: 'docker.notRunning', message, fix };
  }
  const unsupported = attemptWith('unsupported');
  if (unsupported)
    return { code: 'docker.unsupported', message, fix: `${unsupported.where}: ${unsupported.detail}.` };
  const set = around.env['DOCKER_HOST'] ? 'Correct or unset DOCKER_HOST, or start' : 'Install or start';
  const fix = `${set} Docker (https://docs.docker.com/get-docker/) or Podman ("podman system service"); or use the provider "native".`;
  return { code: 'docker.notFound', message, fix };
}
