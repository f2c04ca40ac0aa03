/** A Postgres that takes no writes, or no connections, or finds no room on its disk. */
import pg from 'pg';
import { whole } from '../../contract/format.ts';
import { withPostgres } from '../cluster/probes.ts';
import type { Fault, FaultTools } from './fault.ts';
import { checkTarget, partsOf, serverOf, watchReturn } from './parts.ts';
import { switched } from './switched.ts';
import { watchPaths } from './taken-paths.ts';

const PATHS = ['commitRetried', 'decisionRetried', 'commitAnswerLost', 'saleNotFound'] as const;
const TOO_MANY_CONNECTIONS = '53300';
const CONNECT_LIMIT_MS = 5_000;
/** Connections that are opened at the same time. */
const AT_ONCE = 20;

function ownerUrl({ deployment }: FaultTools): string {
  if (deployment.postgresOwnerUrl === undefined) throw new Error('the owner of the database is not known');
  return deployment.postgresOwnerUrl;
}

/** Runs statements as the owner, outside a transaction. */
const asOwner = (tools: FaultTools, ...statements: readonly string[]) =>
  withPostgres(ownerUrl(tools), async (client) => {
    for (const statement of statements) await client.query(statement);
  });

export const readOnly = switched({
  says: 'Postgres took no writes',
  paths: PATHS,
  on: (tools) =>
    asOwner(tools, 'ALTER SYSTEM SET default_transaction_read_only = on', 'SELECT pg_reload_conf()'),
  off: (tools) =>
    asOwner(tools, 'ALTER SYSTEM RESET default_transaction_read_only', 'SELECT pg_reload_conf()'),
  isOn: (tools) =>
    withPostgres(ownerUrl(tools), async (client) => {
      const { rows } = await client.query<{ default_transaction_read_only: string }>(
        'SHOW default_transaction_read_only',
      );
      return rows[0]?.default_transaction_read_only === 'on';
    }),
});

/** Takes every connection that there is, and ends those that others have: they find no place any more. */
export const noConnections: Fault = {
  check: checkTarget,
  async inject(target, tools) {
    const seen = watchPaths(tools, PATHS);
    const held: pg.Client[] = [];
    const take = async (): Promise<boolean> => {
      const client = new pg.Client({
        connectionString: tools.deployment.postgresUrl,
        connectionTimeoutMillis: CONNECT_LIMIT_MS,
      });
      client.on('error', () => undefined);
      try {
        await client.connect();
        held.push(client);
        return true;
      } catch (error) {
        await client.end().catch(() => undefined);
        if (error instanceof pg.DatabaseError && error.code === TOO_MANY_CONNECTIONS) return false;
        throw error;
      }
    };
    const release = async () => {
      await Promise.all(held.map((client) => client.end().catch(() => undefined)));
    };
    const takeAll = async () => {
      while ((await Promise.all(Array.from({ length: AT_ONCE }, take))).every(Boolean));
    };
    let isFull = false;
    try {
      await takeAll();
      await asOwner(
        tools,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND pid <> ALL ('{${await pidsOf(held)}}')`,
      );
      // What was ended makes room again: we must be there before the services.
      await takeAll();
      isFull = true;
    } catch (error) {
      await release();
      throw error;
    }
    return {
      targets: [target],
      heal: release,
      effect: () =>
        Promise.resolve({
          hadEffect: isFull,
          text: `${whole(held.length)} connections of Postgres were taken, and the next one was refused.${seen()}`,
        }),
    };
  },
};

async function pidsOf(clients: readonly pg.Client[]): Promise<string> {
  const pids = await Promise.all(
    clients.map(
      async (client) => (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid,
    ),
  );
  return pids.join(',');
}

/**
 * No file of Postgres may grow any more: what a full disk does to it, without filling a disk that others share.
 * It stops at its next commit. The process that is started in its place has no such limit.
 */
export const diskFull: Fault = {
  check: checkTarget,
  async inject(target, tools) {
    const seen = watchPaths(tools, PATHS);
    // Of several members it is the one that leads, whose place another server takes.
    const instance = () => serverOf('postgres', tools);
    const parts = partsOf(target, tools).map((part) => ({ ...part, instance }));
    tools.expectKill('postgres');
    const back = watchReturn(parts);
    await limitFiles(tools, '0:');
    return {
      targets: [target],
      async effect() {
        const { hadEffect, text } = await back();
        if (!hadEffect) await limitFiles(tools, 'unlimited:');
        return { hadEffect, text: `Postgres could write nothing. ${text}${seen()}` };
      },
    };
  },
};

/** Sets the soft limit of Postgres and all its children. In a container of its own its pid is 1; of a member its data tell it. */
async function limitFiles(tools: FaultTools, limit: string): Promise<void> {
  const { handle, members } = tools.backends().find(({ role }) => role === 'postgres') ?? {};
  const isAlone = tools.cluster.provider === 'docker' && !members;
  const pid = isAlone ? 1 : members ? '$(head -n 1 home/data-*/postmaster.pid)' : Number(handle);
  const main = '"$main"';
  const children = `for stat in /proc/[0-9]*/stat; do read -r pid _ _ parent _ <"$stat" && [ "$parent" = ${main} ] && echo "$pid"; done 2>/dev/null`;
  // Only the same user may: a script in a container runs as its root, without the right to change others' limits.
  const owner = (format: string) => `$(stat -c ${format} /proc/${main})`;
  const asOwner = isAlone ? `setpriv --reuid=${owner('%u')} --regid=${owner('%g')} --clear-groups ` : '';
  await tools.cluster.run(
    'postgres',
    `main=${pid}; for pid in ${main} $(${children}); do ${asOwner}prlimit --pid "$pid" --fsize=${limit} || [ ! -d "/proc/$pid" ] || exit 1; done`,
  );
}
