/**
 * Looks for the machine's own RabbitMQ, Redis and Postgres, where Debian, Homebrew, official archives and
 * PATH have them.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants, readFileSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { BackendRole } from '../../../contract/backends.ts';
import { FailureError } from '../../../contract/failure.ts';

const run = promisify(execFile);
const VERSION_TIMEOUT_MS = 10_000;

export interface RedisBinaries {
  readonly server: string;
  readonly version: string;
}

export interface PostgresBinaries {
  /** Folder with `postgres` and `initdb`. */
  readonly binDir: string;
  readonly version: string;
}

export interface RabbitmqBinaries {
  /** Folder with `sbin` and `plugins`. */
  readonly home: string;
  readonly version: string;
  readonly erl: string;
  readonly epmd: string;
  readonly erlCall: string;
  /** Its folders can't be read from here. */
  readonly isInImage?: true;
}

export interface Program {
  readonly program: string;
  readonly version: string;
}

/** What a highly available cluster needs beside the backends. */
export interface HighAvailabilityBinaries {
  readonly patroni: Program;
  readonly etcd: Program;
  readonly haproxy: Program;
}

export interface BackendPrograms {
  readonly redis?: RedisBinaries;
  readonly postgres?: PostgresBinaries;
  readonly rabbitmq?: RabbitmqBinaries;
  /** Where each was looked for: for messages. */
  readonly searched: Readonly<Record<BackendRole, readonly string[]>>;
  /** A backend that is there but can't be used, and why. */
  readonly problems: Readonly<Partial<Record<BackendRole, string>>>;
}

export interface SearchPlaces {
  /** Folders that hold programs, best first. */
  readonly programDirs: readonly string[];
  /** Folders that may be a RabbitMQ, or hold `rabbitmq_server-*` folders. */
  readonly rabbitmqDirs: readonly string[];
  /** Folders that hold `<version>/bin` of Postgres. */
  readonly postgresDirs: readonly string[];
}

const BREW_PREFIXES = ['/opt/homebrew', '/usr/local', '/home/linuxbrew/.linuxbrew'];

/** The places that this machine's environment gives. */
export function searchPlaces(env: NodeJS.ProcessEnv = process.env): SearchPlaces {
  const brew = (name: string) => BREW_PREFIXES.map((prefix) => join(prefix, 'opt', name, 'bin'));
  const path = (env['PATH'] ?? '').split(delimiter).filter((dir) => dir !== '');
  const versions = ['18', '17', '16', '15', '14', '13'];
  return {
    programDirs: [
      ...path,
      '/usr/bin',
      '/usr/sbin',
      '/usr/local/bin',
      '/opt/homebrew/bin',
      ...brew('redis'),
      ...brew('valkey'),
      ...brew('erlang'),
      ...versions.flatMap((version) => brew(`postgresql@${version}`)),
      '/usr/lib/erlang/bin',
    ],
    rabbitmqDirs: [
      ...(env['RABBITMQ_HOME'] ? [env['RABBITMQ_HOME']] : []),
      '/usr/lib/rabbitmq/lib',
      '/opt/rabbitmq',
      ...BREW_PREFIXES.map((prefix) => join(prefix, 'opt/rabbitmq')),
      '/usr/local/lib/rabbitmq',
    ],
    postgresDirs: ['/usr/lib/postgresql', '/usr/pgsql', '/Applications/Postgres.app/Contents/Versions'],
  };
}

/** What of the three backends is there. Reads folders and asks programs for their version; starts nothing. */
export async function findPrograms(places: SearchPlaces = searchPlaces()): Promise<BackendPrograms> {
  const rabbitmq = findRabbitmq(places);
  const [redis, postgres] = await Promise.all([findRedis(places), findPostgres(places)]);
  const problems = { ...redis.problem, ...postgres.problem, ...rabbitmq.problem };
  return {
    ...(redis.found ? { redis: redis.found } : {}),
    ...(postgres.found ? { postgres: postgres.found } : {}),
    ...(rabbitmq.found ? { rabbitmq: rabbitmq.found } : {}),
    searched: {
      redis: places.programDirs,
      postgres: [...places.postgresDirs.map((dir) => `${dir}/*/bin`), ...places.programDirs],
      rabbitmq: [...places.rabbitmqDirs, ...places.programDirs],
    },
    problems,
  };
}

const HIGH_AVAILABILITY_PACKAGES = { patroni: 'patroni', etcd: 'etcd-server', haproxy: 'haproxy' } as const;

/**
 * Looks for what a highly available cluster needs beside the backends.
 * @throws FailureError that names the packages of what is missing
 */
export async function findHighAvailability(
  places: SearchPlaces = searchPlaces(),
): Promise<HighAvailabilityBinaries> {
  const names = ['patroni', 'etcd', 'haproxy'] as const;
  const [patroni, etcd, haproxy] = await Promise.all(names.map((name) => findHelper(name, places)));
  if (patroni && etcd && haproxy) return { patroni, etcd, haproxy };
  const found = { patroni, etcd, haproxy };
  throw helpersMissing(names.filter((name) => !found[name]));
}

/**
 * Looks for the HAProxy before the gateways, which runs on this machine wherever the backends run.
 * @throws FailureError that names its package
 */
export async function findHaproxy(): Promise<Program> {
  const found = await findHelper('haproxy', searchPlaces());
  if (!found) throw helpersMissing(['haproxy']);
  return found;
}

async function findHelper(
  name: keyof HighAvailabilityBinaries,
  places: SearchPlaces,
): Promise<Program | undefined> {
  const program = findProgram(places.programDirs, name);
  const said = program && (await askVersion(program, name === 'haproxy' ? '-v' : '--version'));
  const version = /(\d+\.\d+(?:\.\d+)*)/.exec(said ?? '')?.[1];
  return program && version ? { program, version } : undefined;
}

function helpersMissing(missing: readonly (keyof HighAvailabilityBinaries)[]): FailureError {
  return new FailureError({
    code: 'native.backendMissing',
    message: `A highly available cluster needs ${missing.join(', ')} on this machine.`,
    fix: installCommand(
      missing.map((name) => ({ apt: HIGH_AVAILABILITY_PACKAGES[name], dnf: name, brew: name })),
    ),
  });
}

interface Search<Binaries> {
  readonly found?: Binaries;
  readonly problem?: Partial<Record<BackendRole, string>>;
}

async function findRedis(places: SearchPlaces): Promise<Search<RedisBinaries>> {
  for (const name of ['redis-server', 'valkey-server']) {
    const server = findProgram(places.programDirs, name);
    if (!server) continue;
    const version = /v=(\S+)/.exec(await askVersion(server))?.[1];
    if (version) return { found: { server, version } };
    return { problem: { redis: `${server} --version does not answer` } };
  }
  return {};
}

async function findPostgres(places: SearchPlaces): Promise<Search<PostgresBinaries>> {
  const versioned = places.postgresDirs.flatMap((dir) =>
    subfolders(dir).map((name) => join(dir, name, 'bin')),
  );
  // The newest first; PATH may lead to wrappers that only clients need.
  const binDirs = [...versioned.sort(byVersionDescending), ...places.programDirs];
  let problem: string | undefined;
  for (const dir of binDirs) {
    const server = join(dir, 'postgres');
    if (!isProgram(server)) continue;
    // A link in PATH leads to the folder that holds initdb, too.
    const binDir = dirname(realpathSync(server));
    if (!isProgram(join(binDir, 'initdb'))) {
      problem = `${binDir} has postgres but no initdb`;
      continue;
    }
    const version = /(\d+(?:\.\d+)*)/.exec(await askVersion(server))?.[1];
    if (version) return { found: { binDir, version } };
    problem = `${server} --version does not answer`;
  }
  return problem === undefined ? {} : { problem: { postgres: problem } };
}

function findRabbitmq(places: SearchPlaces): Search<RabbitmqBinaries> {
  const home = findRabbitmqHome(places);
  if (!home) return {};
  const erl = findProgram(places.programDirs, 'erl');
  if (!erl) return { problem: { rabbitmq: `RabbitMQ is in ${home.path}, but Erlang (erl) is missing` } };
  const epmd = findEpmd(erl, places);
  if (!epmd) return { problem: { rabbitmq: `Erlang is at ${erl}, but its epmd is missing` } };
  const erlCall = findProgram(places.programDirs, 'erl_call') ?? 'erl_call';
  return { found: { home: home.path, version: home.version, erl, epmd, erlCall } };
}

function findRabbitmqHome(places: SearchPlaces): { path: string; version: string } | undefined {
  const onPath = findProgram(places.programDirs, 'rabbitmq-server');
  const candidates = [
    ...places.rabbitmqDirs.flatMap((dir) => [
      dir,
      ...subfolders(dir)
        .filter((name) => name.startsWith('rabbitmq_server-'))
        .map((name) => join(dir, name))
        .sort(byVersionDescending),
    ]),
    // `sbin/rabbitmq-server` of an unpacked archive; Debian's wrapper in /usr/sbin leads nowhere, and falls
    // out below.
    ...(onPath ? [dirname(dirname(realpathSync(onPath)))] : []),
  ];
  for (const path of candidates) {
    if (!isProgram(join(path, 'sbin', 'rabbitmq-server'))) continue;
    const version = subfolders(join(path, 'plugins'))
      .map((name) => /^rabbit-(\d.*?)(?:\.ez)?$/.exec(name)?.[1])
      .find((text) => text !== undefined);
    if (version) return { path: realpathSync(path), version };
  }
  return undefined;
}

function findEpmd(erl: string, places: SearchPlaces): string | undefined {
  const erlDir = dirname(realpathSync(erl));
  const root = dirname(erlDir);
  const runtimeDirs = subfolders(root)
    .filter((name) => name.startsWith('erts-'))
    .map((name) => join(root, name, 'bin'))
    .sort(byVersionDescending);
  return findProgram([erlDir, ...runtimeDirs, ...places.programDirs], 'epmd');
}

/** The first of the folders that holds this program. */
export function findProgram(dirs: readonly string[], name: string): string | undefined {
  return dirs.map((dir) => join(dir, name)).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Not there, or not for us: in both cases not a program that we can use.
    return false;
  }
}

function subfolders(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    // A place that this machine doesn't have.
    return [];
  }
}

async function askVersion(program: string, option = '--version'): Promise<string> {
  try {
    return (await run(program, [option], { timeout: VERSION_TIMEOUT_MS })).stdout;
  } catch {
    // The caller says that the program does not answer.
    return '';
  }
}

function byVersionDescending(a: string, b: string): number {
  return b.localeCompare(a, 'en', { numeric: true });
}

/** What to do when a backend is missing on this machine. */
export function installHint(roles: readonly BackendRole[]): string {
  const packages = roles.map(
    (role) =>
      ({
        redis: { apt: 'redis-server', dnf: 'redis', brew: 'redis' },
        rabbitmq: { apt: 'rabbitmq-server', dnf: 'rabbitmq-server', brew: 'rabbitmq' },
        postgres: { apt: 'postgresql', dnf: 'postgresql-server', brew: 'postgresql@17' },
      })[role],
  );
  return installCommand(packages);
}

interface Package {
  readonly apt: string;
  readonly dnf: string;
  readonly brew: string;
}

function installCommand(packages: readonly Package[]): string {
  if (process.platform === 'darwin')
    return `Run: brew install ${packages.map((names) => names.brew).join(' ')}`;
  const sudo = process.getuid?.() === 0 ? '' : 'sudo ';
  if (isDebianLike()) return `Run: ${sudo}apt-get install -y ${packages.map((names) => names.apt).join(' ')}`;
  return `Install them with your package manager, for example: ${sudo}dnf install -y ${packages
    .map((names) => names.dnf)
    .join(' ')} (Debian and Ubuntu: apt-get install -y ${packages.map((names) => names.apt).join(' ')})`;
}

function isDebianLike(): boolean {
  try {
    return /^(ID|ID_LIKE)=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    // No such file: not a Linux that says what it is.
    return false;
  }
}
