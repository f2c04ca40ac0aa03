/**
 * Connections of a pool whose other end has vanished without a word: a link is half-open, a firewall has
 * forgotten them. What is asked on them is never answered, and TCP alone would wait for minutes.
 *
 * A connection that has been in use for a while is compared with Postgres's own view of it, over a new
 * connection: one on which Postgres waits for us, while we wait for Postgres, is dead. A statement that is only
 * slow, or waits for a lock, is active there and is left alone. So is everything while the new connection gets
 * no answer either: a server that stalls must not get a storm of connections. Behind a pooler, whose sessions
 * have numbers of their own, the clients' limits hold.
 */
import pg from 'pg';

/** ms in use after which a connection is compared. */
const SUSPECT_MS = 1_500;
/** ms between two looks while connections are in use. */
const LOOK_MS = 250;
/** ms that the new connection may take. */
const COMPARE_LIMIT_MS = 1_000;

/** Sessions that have waited for their client for a second. */
const IDLE = `SELECT pid FROM pg_stat_activity
  WHERE pid = ANY($1) AND state LIKE 'idle%' AND state_change < clock_timestamp() - interval '1 second'`;

/**
 * From now on, a statement on a dead connection fails after about SUSPECT_MS.
 * @param onDead called with each connection that is dropped
 */
export function dropDead(pool: pg.Pool, onDead: () => void): void {
  /** Client → when it was taken from the pool, in ms of the performance clock. */
  const taken = new Map<pg.PoolClient, number>();
  let timer: NodeJS.Timeout | undefined;
  const look = async (): Promise<void> => {
    const before = performance.now() - SUSPECT_MS;
    const suspects = [...taken].filter(([, sinceMs]) => sinceMs < before);
    // It does not answer on a new connection: the next look tries again.
    const dead = suspects.length === 0 ? [] : await idleOf(pool, suspects).catch(() => []);
    for (const [client, sinceMs] of dead) {
      if (taken.get(client) !== sinceMs) continue;
      // Its statement fails by that, and the pool replaces it.
      client.connection.stream.destroy();
      onDead();
    }
    timer = undefined;
    if (taken.size > 0) watch();
  };
  const watch = (): void => {
    timer ??= setTimeout(() => void look(), LOOK_MS).unref();
  };
  pool.on('acquire', (client) => {
    taken.set(client, performance.now());
    watch();
  });
  pool.on('release', (_error, client) => taken.delete(client));
  pool.on('remove', (client) => taken.delete(client));
}

type Taken = readonly [pg.PoolClient, number];

/** Those for which Postgres itself waits. */
async function idleOf({ options }: pg.Pool, suspects: readonly Taken[]): Promise<Taken[]> {
  const client = new pg.Client({
    connectionString: options.connectionString,
    application_name: options.application_name,
    connectionTimeoutMillis: COMPARE_LIMIT_MS,
    query_timeout: COMPARE_LIMIT_MS,
  });
  // It may break at any time, also while it is closed.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ pid: number }>(IDLE, [suspects.map(([one]) => pidOf(one))]);
    const idle = new Set(rows.map(({ pid }) => pid));
    return suspects.filter(([one]) => idle.has(pidOf(one)));
  } finally {
    client.connection.stream.destroy();
  }
}

/** Postgres's number of a session, which pg's types leave out. */
function pidOf(client: pg.PoolClient): number {
  return 'processID' in client && typeof client.processID === 'number' ? client.processID : 0;
}
