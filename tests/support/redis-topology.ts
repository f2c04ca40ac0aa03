/** Redis of several servers for a test: a primary and two replicas with three Sentinels, or a Cluster of three and three. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { findFreePorts } from '../../control/lib/free-port.ts';
import { redisServer } from './private-redis.ts';
import { waitFor } from './worker-world.ts';

const PASSWORD = 'topology-password';
const SENTINEL_PASSWORD = 'sentinel-password';
export const PRIMARY_NAME = 'shop';
const DOWN_AFTER_MS = 1_000;

export interface Server {
  readonly port: number;
  /** Asks it directly. */
  readonly client: Redis;
  readonly process: ChildProcess;
}

export class RedisTopology {
  readonly #dir = mkdtempSync(join(tmpdir(), 'flashgrid-topology-'));
  readonly servers: Server[] = [];
  readonly sentinels: Server[] = [];
  url = '';

  /** A primary, two replicas and three Sentinels; resolves when each Sentinel knows all of them. */
  static async sentinel(): Promise<RedisTopology> {
    return await new RedisTopology().#opened(async (made) => {
      const [first = 0, ...others] = await made.#startServers(3, () => []);
      await Promise.all(
        made.servers.slice(1).map(({ client }) => client.call('REPLICAOF', '127.0.0.1', first)),
      );
      const ports = await findFreePorts(3);
      const program = await redisServer();
      for (const port of ports) made.#startSentinel(program, port, first);
      const isKnown = async ({ client }: Server) => {
        const told = String(await client.info('sentinel').catch(() => ''));
        return told.includes(`slaves=${others.length},sentinels=${ports.length}`);
      };
      await waitFor('the Sentinels', async () =>
        (await Promise.all(made.sentinels.map(isKnown))).every(Boolean),
      );
      const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',');
      made.url = `redis+sentinel://:${PASSWORD}@${hosts}/${PRIMARY_NAME}?sentinelPassword=${SENTINEL_PASSWORD}`;
      await made.whenReplicated(others.length);
    });
  }

  /** Three primaries with a replica each. */
  static async cluster(): Promise<RedisTopology> {
    return await new RedisTopology().#opened(async (made) => {
      const busPorts = await findFreePorts(6);
      const ports = await made.#startServers(6, (port) => [
        ...['--cluster-enabled', 'yes', '--cluster-config-file', `nodes-${port}.conf`],
        ...['--cluster-port', String(busPorts.pop())],
        ...['--cluster-node-timeout', String(DOWN_AFTER_MS), '--cluster-replica-validity-factor', '0'],
      ]);
      const hosts = ports.map((port) => `127.0.0.1:${port}`);
      await promisify(execFile)(
        'redis-cli',
        ['--cluster', 'create', ...hosts, '--cluster-replicas', '1', '--cluster-yes'],
        { env: { ...process.env, REDISCLI_AUTH: PASSWORD }, timeout: 30_000 },
      );
      await waitFor('the Cluster', async () =>
        (await Promise.all(made.servers.map(({ client }) => client.cluster('INFO')))).every((text) =>
          String(text).includes('cluster_state:ok'),
        ),
      );
      // Not all of them: a client finds the others.
      made.url = `redis+cluster://:${PASSWORD}@${hosts.slice(0, 4).join(',')}`;
      await made.whenReplicated(1);
    });
  }

  async #opened(start: (made: this) => Promise<void>): Promise<this> {
    try {
      await start(this);
      return this;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async #startServers(count: number, more: (port: number) => string[]): Promise<number[]> {
    const program = await redisServer();
    const ports = await findFreePorts(count);
    for (const port of ports) {
      const login = ['--requirepass', PASSWORD, '--masterauth', PASSWORD];
      const place = ['--port', String(port), '--bind', '127.0.0.1', '127.0.0.2', '--dir', this.#dir];
      const rest = ['--save', '', '--appendonly', 'no', '--repl-diskless-sync-delay', '0', ...more(port)];
      const child = spawn(program, [...place, ...login, ...rest], { stdio: 'ignore' });
      this.servers.push({ port, process: child, client: directClient(port, PASSWORD) });
    }
    await Promise.all(this.servers.map(({ client }) => client.ping()));
    return ports;
  }

  #startSentinel(program: string, port: number, primary: number): void {
    const file = join(this.#dir, `sentinel-${port}.conf`);
    writeFileSync(
      file,
      [
        `port ${port}`,
        'bind 127.0.0.1',
        `dir ${this.#dir}`,
        `requirepass ${SENTINEL_PASSWORD}`,
        `sentinel sentinel-pass ${SENTINEL_PASSWORD}`,
        `sentinel monitor ${PRIMARY_NAME} 127.0.0.1 ${primary} 2`,
        `sentinel auth-pass ${PRIMARY_NAME} ${PASSWORD}`,
        `sentinel down-after-milliseconds ${PRIMARY_NAME} ${DOWN_AFTER_MS}`,
        `sentinel failover-timeout ${PRIMARY_NAME} 2500`,
        `sentinel parallel-syncs ${PRIMARY_NAME} 2`,
      ].join('\n'),
    );
    const child = spawn(program, [file, '--sentinel'], { stdio: 'ignore' });
    this.sentinels.push({ port, process: child, client: directClient(port, SENTINEL_PASSWORD) });
  }

  /** Resolves when each primary has that many replicas which follow it. */
  async whenReplicated(replicas: number): Promise<void> {
    await waitFor('the replicas', async () => {
      const primaries = await this.primaries();
      const told = await Promise.all(primaries.map(({ client }) => client.info('replication')));
      return told.length > 0 && told.every((text) => text.match(/state=online/g)?.length === replicas);
    });
  }

  /** The servers that have not ended. */
  get #alive(): Server[] {
    return this.servers.filter(
      ({ process: { exitCode, signalCode } }) => exitCode === null && signalCode === null,
    );
  }

  /** The servers that are primaries now, as they say themselves. */
  async primaries(): Promise<Server[]> {
    const alive = this.#alive;
    const roles = await Promise.all(alive.map(({ client }) => client.info('replication').catch(() => '')));
    return alive.filter((_, at) => roles[at]?.includes('role:master'));
  }

  /** The primary, or that of a key. */
  async primary(key?: string): Promise<Server> {
    const primaries = await this.primaries();
    if (key === undefined) {
      const [only] = primaries;
      if (!only || primaries.length > 1) throw new Error(`${primaries.length} primaries, not one`);
      return only;
    }
    for (const server of primaries)
      if ((await server.client.exists(key).catch(() => -1)) === 1) return server;
    throw new Error(`no primary has ${key}`);
  }

  /** From now on no replica hears of a write: the links are cut, and their password is wrong. */
  async stopReplication(): Promise<void> {
    await Promise.all(this.#alive.map(({ client }) => client.config('SET', 'masterauth', 'wrong')));
    const primaries = await this.primaries();
    await Promise.all(primaries.map(({ client }) => client.call('CLIENT', 'KILL', 'TYPE', 'replica')));
  }

  /** Moves all keys of a slot, one after another. */
  async moveKeys(from: Server, to: Server, slot: number): Promise<void> {
    for (;;) {
      const keys = await from.client.cluster('GETKEYSINSLOT', slot, 1);
      if (keys.length === 0) return;
      const login = ['AUTH', PASSWORD, 'KEYS', ...keys.map(String)];
      await from.client.call('MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, ...login);
    }
  }

  async close(): Promise<void> {
    const all = [...this.sentinels, ...this.servers];
    await Promise.all(
      all.map(async ({ client, process: child }) => {
        client.disconnect();
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        await ended;
      }),
    );
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

function directClient(port: number, password: string): Redis {
  const client = new Redis({
    host: '127.0.0.1',
    port,
    password,
    retryStrategy: () => 50,
    commandTimeout: 3_000,
  });
  client.on('error', () => undefined);
  return client;
}
