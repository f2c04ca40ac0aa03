/**
 * RabbitMQ as a private instance: `epmd` on a port of its own, then the Erlang machine itself.
 *
 * The package's start script is left out. RabbitMQ reads an attribute of every module when it boots, and
 * Erlang looks for each module in every library folder; the package has sixty of them, most for plugins that
 * nobody enabled. With only the folders that `rabbit` depends on, 3.10 boots in 2.1 s instead of 5.8 s (two
 * cores).
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { probeRabbitmq } from '../probes.ts';
import type { BackendFolder } from './backend-folder.ts';
import { baseEnvironment } from './base-environment.ts';
import type { BackendDriver, ProcessPlan } from './backend.ts';
import type { RabbitmqBinaries } from './find-programs.ts';
import { type ClusterSettings, type PortName, BACKEND_USER, portOf } from './settings.ts';
import { simpleDriver } from './simple-driver.ts';
import { connectsTo, waitUntil } from './wait-until-ready.ts';

/** Alone on its epmd, so the name needs nothing of the cluster in it. */
const SINGLE_NODE = 'flashgrid@localhost';
/** ms that the first node of a new cluster may take. */
const FOUNDER_LIMIT_MS = 180_000;
/**
 * Erlang sets up tables for as many files as it may open: with a container's limit of a billion it boots for
 * minutes.
 */
const MAX_OPEN_FILES = 65_536;
const MAX_OPEN_FILES_SCRIPT = `limit=$(ulimit -n); if [ "$limit" = unlimited ] || [ "$limit" -gt ${MAX_OPEN_FILES} ]; then ulimit -n ${MAX_OPEN_FILES}; fi; exec "$@"`;

/** As the package's own script sets them: allocators for large blocks, and room for many connections. */
const MACHINE_FLAGS = [
  ...['+W', 'w', '+MBas', 'ageffcbf', '+MHas', 'ageffcbf', '+MBlmbcs', '512', '+MHlmbcs', '512'],
  ...['+MMmcs', '30', '+P', '1048576', '+t', '5000000', '+zdbbl', '128000'],
  // No busy waiting: the cores are shared with Redis, Postgres, the services and the generator.
  ...['+sbwt', 'none', '+sbwtdcpu', 'none', '+sbwtdio', 'none', '+B', 'i'],
];

/** One node of several. */
export interface RabbitmqMember {
  readonly name: PortName;
  /** The first founds the cluster, and the others join it. */
  readonly all: readonly [PortName, ...PortName[]];
  /** Whether any of them has ever served. */
  hasServed(): boolean;
}

export const nodeOf = (member: PortName) => `${member}@localhost`;

/** Lines of a node among others: the minority of a cluster that fell apart stops, and takes no messages. */
function memberConfig({ name, all }: RabbitmqMember): string {
  // The founder knows no others: looking for them, it would wait for nodes that wait for it.
  const peers = name === all[0] ? '' : `'${nodeOf(all[0])}'`;
  return `
  {cluster_nodes, {[${peers}], disc}},
  {cluster_partition_handling, pause_minority},`;
}

/** Erlang terms instead of `rabbitmq.conf`: the schema of the latter takes its time at each boot. */
function advancedConfig(settings: ClusterSettings, member: RabbitmqMember | undefined): string {
  const port = portOf(settings, member?.name ?? 'rabbitmq');
  return `[
 {rabbit, [
  {tcp_listeners, [{"127.0.0.1", ${port}}]},${member ? memberConfig(member) : ''}
  {loopback_users, []},
  {default_user, <<"${BACKEND_USER}">>},
  {default_pass, <<"${settings.passwords.rabbitmq}">>},
  {tcp_listen_options, [{backlog, 1024}, {nodelay, true}, {linger, {true, 0}}, {exit_on_close, false}]},
  %% Queue depth is counted by FlashGrid itself: statistics of the broker would only cost.
  {collect_statistics, none},
  {collect_statistics_interval, 60000},
  %% Publishers are blocked past these: before the machine swaps, and before the disk is full.
  {vm_memory_high_watermark, ${0.4 / (member?.all.length ?? 1)}},
  {disk_free_limit, 268435456},
  {log, [{file, [{file, false}]}, {console, [{enabled, true}, {level, info}]}]}
 ]},
 %% Quorum queues keep their write-ahead log in memory until it is full. 512 MB by default: a broker that grows for an hour before it stops.
 {ra, [{wal_max_size_bytes, 33554432}]},
 %% How often a queue's followers ask whether its leader's node still answers; 5 s by default.
 {aten, [{poll_interval, 1000}]}
].
`;
}

/** The driver of a private RabbitMQ in `folder`; of one node of several with `member`, whose epmd runs beside. */
export function rabbitmqDriver(
  binaries: RabbitmqBinaries,
  folder: BackendFolder,
  member?: RabbitmqMember,
): BackendDriver {
  const { dir, user } = folder;
  const name = member?.name ?? 'rabbitmq';
  const node = member ? nodeOf(name) : SINGLE_NODE;
  const distPort = member ? `${name}-dist` : 'rabbitmqDist';
  const libsDir = join(dir, 'libs');
  const mnesia = join(dir, 'mnesia');
  /** There once the broker has served. */
  const served = join(dir, 'served');
  const packageLibs = join(binaries.home, 'plugins');
  const lean = binaries.isInImage ? undefined : leanLibraries(packageLibs);
  const environment = (settings: ClusterSettings): Record<string, string> => ({
    ...baseEnvironment(dir),
    // Erlang reads file names by it: a data folder may have an umlaut in its path.
    LC_ALL: 'C.UTF-8',
    RABBITMQ_HOME: binaries.home,
    RABBITMQ_NODENAME: node,
    RABBITMQ_MNESIA_BASE: mnesia,
    RABBITMQ_LOG_BASE: join(dir, 'log'),
    RABBITMQ_LOGS: '-',
    // Names of our own for every file that else is taken from /etc/rabbitmq; the first two stay empty.
    RABBITMQ_CONFIG_FILE: join(dir, 'none.conf'),
    RABBITMQ_CONF_ENV_FILE: join(dir, 'env.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(dir, 'advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, 'enabled_plugins'),
    RABBITMQ_PID_FILE: join(dir, 'log', 'pid'),
    RABBITMQ_DIST_PORT: String(portOf(settings, distPort)),
    ERL_EPMD_PORT: String(settings.ports.epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_MAX_ETS_TABLES: '50000',
    ERL_MAX_PORTS: '65536',
    // A dump of the whole memory for a broker that was killed on purpose helps nobody.
    ERL_CRASH_DUMP_SECONDS: '0',
  });
  const process = (role: string, command: string, args: readonly string[], env: Record<string, string>) => ({
    role,
    command,
    args,
    env,
    workingDir: dir,
    user,
  });
  const limited = (
    settings: ClusterSettings,
    command: readonly string[],
    env: Record<string, string>,
  ): ProcessPlan =>
    process(name, '/bin/sh', ['-c', MAX_OPEN_FILES_SCRIPT, 'sh', ...command], {
      ...environment(settings),
      ...env,
    });
  const helpers = (settings: ClusterSettings): ProcessPlan[] => {
    if (member) return [];
    const { epmd } = settings.ports;
    const args = epmdArgs(settings);
    return [{ ...process('epmd', binaries.epmd, args, baseEnvironment(dir)), readyPort: epmd }];
  };
  return {
    role: 'rabbitmq',
    name,
    title: member ? `RabbitMQ (${name})` : 'RabbitMQ',
    version: binaries.version,
    servicePort: name,
    ports: member ? [name, distPort] : [name, distPort, 'epmd'],
    // Three nodes boot at once, beside all else.
    startLimitMs: member ? 180_000 : 90_000,
    stopSignal: 'SIGTERM',
    stopLimitMs: 20_000,
    plan(settings) {
      const port = String(portOf(settings, distPort));
      const distribution = [
        // Named from the beginning: RabbitMQ else boots two more Erlang machines to start epmd and to look
        // for its own name.
        ...['-sname', node, '-start_epmd', 'false'],
        ...['-kernel', 'inet_dist_use_interface', '{127,0,0,1}'],
        ...['-kernel', 'inet_dist_listen_min', port],
        ...['-kernel', 'inet_dist_listen_max', port],
        ...['-kernel', 'prevent_overlapping_partitions', 'false'],
        // Seconds after which a node that is silent counts as gone.
        ...(member ? ['-kernel', 'net_ticktime', '6'] : []),
      ];
      const boot = ['-noinput', '-s', 'rabbit', 'boot', '-boot', 'start_sasl'];
      const syslog = ['-syslog', 'logger', '[]', '-syslog', 'syslog_error_logger', 'false'];
      const erl = [binaries.erl, ...distribution, ...boot, ...MACHINE_FLAGS, ...syslog];
      const libs = lean
        ? { ERL_LIBS: libsDir, RABBITMQ_PLUGINS_DIR: libsDir }
        : { ERL_LIBS: packageLibs, RABBITMQ_PLUGINS_DIR: packageLibs };
      return [...helpers(settings), limited(settings, erl, libs)];
    },
    cautiousPlan: (settings) => [
      ...helpers(settings),
      limited(settings, [join(binaries.home, 'sbin', 'rabbitmq-server')], {
        // Together: no shell between us and the Erlang machine, so that its pid is the one we know; and no
        // console.
        RABBITMQ_ALLOW_INPUT: '1',
        RABBITMQ_SERVER_START_ARGS: '-noinput -kernel inet_dist_use_interface {127,0,0,1}',
      }),
    ],
    configure(settings) {
      folder.prepare();
      folder.giveFolder('mnesia');
      folder.giveFolder('log');
      folder.write('advanced.config', advancedConfig(settings, member));
      folder.write('enabled_plugins', '[].\n');
      folder.write('env.conf', '');
      // Erlang insists that nobody else can read or write it.
      folder.write('.erlang.cookie', settings.passwords.erlangCookie, 0o400);
      // Anew each time: an upgrade of the package moves the folders.
      rmSync(libsDir, { recursive: true, force: true });
      mkdirSync(libsDir, { mode: 0o755 });
      for (const name of lean ?? []) symlinkSync(join(packageLibs, name), join(libsDir, name));
    },
    fingerprint: (settings) =>
      createHash('sha256')
        .update([binaries.home, binaries.version, dir, advancedConfig(settings, member)].join('\n'))
        .update(JSON.stringify([settings.ports, MACHINE_FLAGS]))
        .digest('hex'),
    async initialise(settings, _run, signal) {
      // A first boot that was killed leaves half-made tables, for which the next one would wait, half a
      // minute at a time. A broker that has never served holds nothing that could be lost.
      const isFirst = !(member ? member.hasServed() : existsSync(served));
      if (isFirst) folder.removeFolder('mnesia');
      if (!member || !isFirst || name === member.all[0]) return;
      const founder = portOf(settings, member.all[0]);
      await waitUntil(`${member.all[0]} to begin the cluster`, () => connectsTo(founder), {
        limitMs: FOUNDER_LIMIT_MS,
        signal,
      });
    },
    async probe(settings) {
      await probeRabbitmq(amqpUrl(settings, name));
      if (!existsSync(served)) folder.write('served', '');
    },
  };
}

/** Where one node answers. */
export function amqpUrl(settings: ClusterSettings, name: PortName): string {
  return `amqp://${BACKEND_USER}:${settings.passwords.rabbitmq}@127.0.0.1:${portOf(settings, name)}`;
}

// In the foreground: the one that Erlang starts by itself makes itself a daemon that nobody records.
const epmdArgs = ({ ports }: ClusterSettings) => ['-address', '127.0.0.1', '-port', String(ports.epmd)];

/**
 * The node that leads the queue of the frames, by what one node tells: `{the nodes that it sees, [{queue, {queue, leader}, members}]}`.
 * One that sees no majority does not hear when another one is elected: it is not believed.
 * @param members how many nodes there are
 */
export function leaderTold(answer: string, members: number): string | undefined {
  const seen = /\{\[([^\]]*)\]/.exec(answer)?.[1]?.match(/@/g)?.length ?? 0;
  if (2 * (seen + 1) <= members) return undefined;
  return /\.frames', '([^'@]+)@/.exec(answer)?.[1];
}

/** The driver of the epmd by which several nodes find each other. */
export function epmdDriver(binaries: RabbitmqBinaries, folder: BackendFolder): BackendDriver {
  return simpleDriver({
    role: 'rabbitmq',
    name: 'epmd',
    title: 'Erlang port mapper (epmd)',
    version: binaries.version,
    folder,
    ports: ['epmd'],
    command: binaries.epmd,
    args: epmdArgs,
    probe: ({ ports }) => connectsTo(ports.epmd),
  });
}

/**
 * Library folders that the application `rabbit` needs, itself included, from what each `.app` file says it
 * depends on.
 * @returns `undefined` when the package is laid out otherwise; all folders are then used
 */
export function leanLibraries(packageLibs: string): string[] | undefined {
  if (!existsSync(packageLibs)) return undefined;
  const folders = new Map(readdirSync(packageLibs).map((name) => [name.replace(/-\d.*$/, ''), name]));
  const needed = new Set<string>();
  const waiting = ['rabbit'];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const folder = folders.get(name);
    // What is not among them comes with Erlang itself.
    if (!folder || needed.has(folder)) continue;
    const appFile = join(packageLibs, folder, 'ebin', `${name}.app`);
    if (!existsSync(appFile)) return undefined;
    needed.add(folder);
    waiting.push(...dependenciesOf(readFileSync(appFile, 'utf8')));
  }
  return needed.size === 0 ? undefined : [...needed].map((folder) => basename(folder)).sort();
}

/** Names in `{applications, [...]}` and its like of an Erlang application file. */
export function dependenciesOf(appFile: string): string[] {
  const lists = appFile.matchAll(
    /\{\s*(?:applications|included_applications|optional_applications)\s*,\s*\[([^\]]*)\]/g,
  );
  return [...lists].flatMap((match) =>
    (match[1] ?? '')
      .split(',')
      .map((name) => name.trim().replaceAll("'", ''))
      .filter((name) => name !== ''),
  );
}
