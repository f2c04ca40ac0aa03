/**
 * Frames that are handed out again when their records have expired: what takes 20 minutes otherwise. A copy of each is
 * decided at once; its record is deleted, as Redis would have done by then; and RabbitMQ hands out the frame itself, as
 * after an ack that was lost.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { plural } from '../../contract/format.ts';
import { decodeEntries, parseMessage, type Frame } from '../../services/shared/frame.ts';
import { recordPlace } from '../../services/shared/keys.ts';
import { parseRecord, type FrameRecord } from '../../services/shared/outcomes.ts';
import { forgetKeys, readRecord } from '../../services/shared/records.ts';
import { createPool } from '../../services/shared/postgres.ts';
import type { RedisClient } from '../../services/shared/redis.ts';
import { frameFault, publish } from './frames.ts';
import { withRedis } from './redis-client.ts';

/** Frames that are held: as many as a worker has in hand. */
const HELD = 64;
/** ms in which the copies are decided and committed. */
const DECIDE_LIMIT_MS = 8_000;
const LOOK_MS = 100;

interface Held {
  readonly frame: Frame;
  /** What its copy got. */
  before?: FrameRecord;
  /** What it got when it came again. */
  after?: FrameRecord;
}

export const late = frameFault({
  says: 'came again when their records had expired',
  paths: ['oldFrameRecalled', 'frameRedelivered', 'keyKnownToWorker'],
  prefetch: HELD,
  begin(taker, { deployment }) {
    const { namespace, postgresSchema: schema, postgresUrl: url } = deployment;
    const held: Held[] = [];
    let forgotten: Held[] = [];
    let isLost = false;
    // RabbitMQ has handed them out already, while Redis still knew them.
    taker.channel.on('close', () => (isLost = true));

    async function recordOf(
      redis: RedisClient,
      { saleId, id, count }: Frame,
    ): Promise<FrameRecord | undefined> {
      const found = await readRecord(redis, recordPlace(namespace, saleId, id));
      return found && parseRecord(found.record, count);
    }

    /** As time would. */
    async function forget(redis: RedisClient, { saleId, id, generation, body }: Frame): Promise<void> {
      const digests = decodeEntries(body).flatMap(({ digest }) => digest ?? []);
      const { key, bucketKey, slot } = recordPlace(namespace, saleId, id);
      await Promise.all([
        redis.unlink(key),
        digests.length > 0 && forgetKeys(redis, namespace, saleId, generation, digests),
        redis.hdel(bucketKey, slot),
      ]);
    }

    /** Notes what the copies got, once that is committed. */
    async function lookBefore(redis: RedisClient, pool: pg.Pool): Promise<void> {
      for (const one of held.filter(({ before }) => before === undefined)) {
        const record = await recordOf(redis, one.frame);
        if (record && (await isCommitted(pool, one.frame.saleId, record))) one.before = record;
      }
    }

    async function lookAfter(redis: RedisClient): Promise<void> {
      for (const one of forgotten) {
        const record = one.after ?? (await recordOf(redis, one.frame));
        if (record) one.after = record;
      }
    }

    return {
      async handle(messages) {
        for (const message of messages) {
          const { messageId, headers } = message.properties as { messageId: unknown; headers?: object };
          for (const frame of parseMessage(messageId, { ...headers }, message.content)) held.push({ frame });
          await publish(taker, message);
        }
      },
      async beforeRelease() {
        const pool = createPool({ url, schema, max: 1, name: 'fault' });
        try {
          await until(
            () => withRedis({ deployment }, (redis) => lookBefore(redis, pool)),
            () => isLost || held.every(({ before }) => before),
          );
        } finally {
          await pool.end();
        }
        if (isLost) return;
        forgotten = held.filter(({ before }) => before);
        await withRedis({ deployment }, (redis) =>
          Promise.all(forgotten.map(({ frame }) => forget(redis, frame))),
        );
      },
      async finish() {
        await withRedis({ deployment }, lookAfter);
        return forgotten.every(({ after }) => after);
      },
      tell() {
        const again = forgotten.filter(({ after }) => after);
        const changed = again.reduce((sum, one) => sum + changedOutcomes(one), 0);
        const more = changed === 0 ? 'The outcomes are the same.' : `${plural(changed, 'outcome')} changed.`;
        return { frames: again.length, more: again.length === 0 ? '' : ` ${more}` };
      },
    };
  },
});

/** Looks until all is there, or the limit is over; a backend that is away is asked again. */
async function until(look: () => Promise<unknown>, isDone: () => boolean): Promise<void> {
  const endMs = performance.now() + DECIDE_LIMIT_MS;
  do {
    await look().catch(() => undefined);
    if (isDone()) return;
    await sleep(LOOK_MS);
  } while (performance.now() < endMs);
}

/** Whether each unit that the record grants has its ticket: from then on, only the frame's ack is left. */
async function isCommitted(pool: pg.Pool, saleId: string, { grants }: FrameRecord): Promise<boolean> {
  const units = grants.flatMap((grant) => grant.units);
  if (units.length === 0) return true;
  const { rows } = await pool.query<{ found: number }>(
    'SELECT count(*)::int AS found FROM tickets WHERE sale_id = $1 AND unit_no = ANY($2)',
    [saleId, units],
  );
  return rows[0]?.found === units.length;
}

function changedOutcomes({ before, after }: Held): number {
  const outcomesOf = ({ codes, grants }: FrameRecord) =>
    Array.from(
      codes,
      (code, at) => `${code} ${grants.find(({ index }) => index === at)?.units.join() ?? ''}`,
    );
  const now = after ? outcomesOf(after) : [];
  return before ? outcomesOf(before).filter((outcome, at) => outcome !== now[at]).length : 0;
}
