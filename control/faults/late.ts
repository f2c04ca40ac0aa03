/**
 * Frames that come again when their records have expired: what takes 20 minutes otherwise. Their records are deleted,
 * as Redis would have done by then, and their copies tell that they were closed so long ago.
 */
import type { ConsumeMessage } from 'amqplib';
import type pg from 'pg';
import type { Redis } from 'ioredis';
import { plural } from '../../contract/format.ts';
import { decodeEntries, parseFrame, type Frame } from '../../services/shared/frame.ts';
import { RECORD_RETENTION_MS, frameKey, keyedKey } from '../../services/shared/keys.ts';
import { parseRecord, type FrameRecord } from '../../services/shared/outcomes.ts';
import { createPool } from '../../services/shared/postgres.ts';
import { frameFault, giveBack, publish } from './frames.ts';
import { withRedis } from './redis-client.ts';

const MAX_COPIES = 64;
/** ms in which frames are decided, and their copies: what is not by then is let be. */
const DECIDE_LIMIT_MS = 20_000;

interface Copy {
  readonly message: ConsumeMessage;
  readonly frame: Frame;
  /** What it got at first, once that has been forgotten. */
  before?: FrameRecord;
  isSent?: true;
  /** What it got when it came again. */
  after?: FrameRecord;
}

export const late = frameFault({
  says: 'came again when their records had expired',
  paths: ['oldFrameRecalled', 'frameRedelivered', 'keyKnownToWorker'],
  begin(taker, { deployment }) {
    const { namespace, postgresSchema: schema, postgresUrl: url } = deployment;
    const copies: Copy[] = [];
    let endMs = Infinity;

    async function readRecord(redis: Redis, { saleId, id, count }: Frame): Promise<FrameRecord | undefined> {
      const text = await redis.get(frameKey(namespace, saleId, id));
      return text === null ? undefined : parseRecord(text, count);
    }

    /** As time would. */
    function forget(redis: Redis, { saleId, id, generation, body }: Frame): Promise<number> {
      const digests = decodeEntries(body).flatMap(({ digest }) => digest ?? []);
      return redis.unlink(
        frameKey(namespace, saleId, id),
        ...digests.map((digest) => keyedKey(namespace, saleId, generation, digest)),
      );
    }

    return {
      handle(frames) {
        for (const message of frames) {
          const { messageId, headers } = message.properties as { messageId: unknown; headers?: object };
          giveBack(taker, message);
          if (copies.length < MAX_COPIES)
            copies.push({ message, frame: parseFrame(messageId, { ...headers }, message.content) });
        }
        return Promise.resolve();
      },
      async finish(newTaker) {
        if (endMs === Infinity) endMs = performance.now() + DECIDE_LIMIT_MS;
        const pool = createPool({ url, schema, max: 1, name: 'fault' });
        try {
          await withRedis({ deployment }, async (redis) => {
            for (const copy of copies) {
              const record = copy.after ?? (await readRecord(redis, copy.frame));
              if (copy.isSent && record) copy.after = record;
              if (
                copy.before === undefined &&
                record &&
                (await isCommitted(pool, copy.frame.saleId, record))
              ) {
                copy.before = record;
                await forget(redis, copy.frame);
              }
              if (copy.before === undefined || copy.isSent) continue;
              const closedAtMs = copy.frame.closedAtMs - RECORD_RETENTION_MS;
              await publish(newTaker, copy.message, { closedAtMs });
              copy.isSent = true;
            }
          });
        } finally {
          await pool.end();
        }
        return copies.every(({ after }) => after) || performance.now() > endMs;
      },
      tell() {
        const again = copies.filter(({ after }) => after);
        const changed = again.reduce((sum, copy) => sum + changedOutcomes(copy), 0);
        const more = changed === 0 ? 'The outcomes are the same.' : `${plural(changed, 'outcome')} changed.`;
        return { frames: again.length, more: again.length === 0 ? '' : ` ${more}` };
      },
    };
  },
});

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

function changedOutcomes({ before, after }: Copy): number {
  const outcomesOf = ({ codes, grants }: FrameRecord) =>
    Array.from(
      codes,
      (code, at) => `${code} ${grants.find(({ index }) => index === at)?.units.join() ?? ''}`,
    );
  const now = after ? outcomesOf(after) : [];
  return before ? outcomesOf(before).filter((outcome, at) => outcome !== now[at]).length : 0;
}
