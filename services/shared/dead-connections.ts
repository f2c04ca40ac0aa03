/**
 * Statements of a pool that get no answer.
 *
 * - One that has run longer than its limit is cancelled. The limit is the client's, since a pooler refuses or forgets
 *   that of a session, and Postgres applies its own to no commit that waits for a standby: without a cancel, each try
 *   of an outage would leave one more such commit behind.
 * - One on a connection whose other end has vanished without a word fails at once: a link is half-open, a firewall has
 *   forgotten it, or another server has taken over the address. TCP alone would wait for minutes.
 *
 * A connection that has been in use for a while is compared with Postgres's own view of it, over a new
 * connection: one on which Postgres waits for us, while we wait for Postgres, is dead, and so is one that this Postgres
 * does not have. A statement that is only slow, or waits for a lock, is active there and is left alone. So is everything
 * while the new connection gets no answer either: a server that stalls must not get a storm of connections. Behind a
 * pooler, whose sessions have numbers of their own, only the limit holds.
 */
import { createConnection } from 'node:net';
import pg from 'pg';

/** ms in use after which a connection is compared. */
const SUSPECT_MS = 1_500;
/** ms between two looks while connections are in use. */
const LOOK_MS = 250;
/** ms that the new connection may take. */
const COMPARE_LIMIT_MS = 1_000;
/** ms that a request to cancel may take to be passed on. */
const CANCEL_LIMIT_MS = 5_000;
/** First word of a request to cancel, in Postgres's protocol. */
const CANCEL_CODE = 80_877_102;

/** Sessions that have waited for their client for a second, and those that do not exist here. */
const GONE = `SELECT own.pid, pg_backend_pid() <> $2 AS "isPooled"
  FROM unnest($1::int[]) AS own (pid) LEFT JOIN pg_stat_activity AS a ON a.pid = own.pid
  WHERE a.pid IS NULL OR (a.state LIKE 'idle%' AND a.state_change < clock_timestamp() - interval '1 second')`;

/** A connection while it is taken from the pool. */
interface Use {
  /** Moment of the performance clock, in ms. */
  readonly sinceMs: number;
  /** Bytes sent by then: as long as there are no more, the same statement runs. */
  sentBytes: number;
  sentMs: number;
}

/**
 * From now on, a statement on a dead connection fails after about SUSPECT_MS, and one that runs for `limitMs` is cancelled.
 * @param onDead called with each connection that is dropped
 */
export function endUnanswered(pool: pg.Pool, limitMs: number, onDead: () => void): void {
  const taken = new Map<pg.PoolClient, Use>();
  let canCompare = true;
  let timer: NodeJS.Timeout | undefined;
  const look = async (): Promise<void> => {
    const nowMs = performance.now();
    for (const [client, use] of taken) {
      const sentBytes = bytesSent(client);
      const isLate = use.sentBytes === sentBytes && nowMs - use.sentMs > limitMs;
      if (isLate) cancel(client);
      // Again after another limit: the request itself may be lost.
      if (isLate || use.sentBytes !== sentBytes) Object.assign(use, { sentBytes, sentMs: nowMs });
    }
    const suspects = [...taken].filter(([, { sinceMs }]) => canCompare && sinceMs < nowMs - SUSPECT_MS);
    // It does not answer on a new connection: the next look tries again.
    const dead = suspects.length === 0 ? [] : await goneOf(pool, suspects).catch(() => []);
    canCompare &&= dead !== POOLED;
    for (const [client, use] of dead) {
      if (taken.get(client) !== use) continue;
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
    taken.set(client, { sinceMs: performance.now(), sentBytes: -1, sentMs: 0 });
    watch();
  });
  pool.on('release', (_error, client) => taken.delete(client));
  pool.on('remove', (client) => taken.delete(client));
}

function bytesSent({ connection: { stream } }: pg.Client): number {
  return 'bytesWritten' in stream ? Number(stream.bytesWritten) : 0;
}

type Taken = readonly [pg.PoolClient, Use];
/** What is dead behind a pooler is not known. */
const POOLED: readonly Taken[] = [];

/** Those for which Postgres itself waits, or which it does not have. */
async function goneOf({ options }: pg.Pool, suspects: readonly Taken[]): Promise<readonly Taken[]> {
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
    const pids = suspects.map(([one]) => keyOf(one).pid);
    const { rows } = await client.query<{ pid: number; isPooled: boolean }>(GONE, [pids, keyOf(client).pid]);
    if (rows.some(({ isPooled }) => isPooled)) return POOLED;
    const gone = new Set(rows.map(({ pid }) => pid));
    return suspects.filter(([one]) => gone.has(keyOf(one).pid));
  } finally {
    client.connection.stream.destroy();
  }
}

/** Asks the server to cancel what runs on the connection. Where that is nothing any more, nothing happens. */
function cancel(client: pg.Client): void {
  const { host, port } = client;
  const { pid, secret } = keyOf(client);
  const request = Buffer.alloc(16);
  [request.length, CANCEL_CODE, pid, secret].forEach((word, at) => request.writeInt32BE(word, at * 4));
  const socket = createConnection(
    host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port },
  );
  socket.setTimeout(CANCEL_LIMIT_MS, () => socket.destroy());
  // Postgres closes it. PgBouncer forgets the request when we do.
  socket.on('error', () => undefined).write(request);
}

/** The number of a session and the secret to cancel it, as the server told them. pg's types leave them out. */
export function keyOf(client: pg.Client & { processID?: number; secretKey?: number }): {
  readonly pid: number;
  readonly secret: number;
} {
  return { pid: client.processID ?? 0, secret: client.secretKey ?? 0 };
}
