/**
 * The worker of the one-message-each design. Each message takes a Lua call, an INSERT if granted, a
 * publication and an ack.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import pg from 'pg';
import { z } from 'zod';
import { connectBroker } from '../shared/amqp/broker-nodes.ts';
import { connectRedis } from '../shared/redis.ts';
import { resourceDir } from '../shared/resources.ts';
import { reportReady } from './baseline-process.ts';

const PREFETCH = 250;

const config = z
  .object({
    FLASHGRID_AMQP_URL: z.string(),
    FLASHGRID_REDIS_URL: z.string(),
    FLASHGRID_POSTGRES_URL: z.string(),
    FLASHGRID_NAMESPACE: z.string(),
  })
  .parse(process.env);
const messageSchema = z.object({ reservationId: z.string(), saleId: z.string(), userId: z.string() });
const namespace = config.FLASHGRID_NAMESPACE;

const redis = connectRedis(config.FLASHGRID_REDIS_URL, {});
redis.defineCommand('fgOneEach', {
  numberOfKeys: 2,
  lua: readFileSync(join(resourceDir('lua'), 'baseline-one-each.lua'), 'utf8'),
});
declare module 'ioredis' {
  interface RedisCommander {
    fgOneEach(stockKey: string, buyersKey: string, userId: string): Promise<unknown>;
  }
}
const pool = new pg.Pool({ connectionString: config.FLASHGRID_POSTGRES_URL, max: 10 });
await pool.query(
  'CREATE TABLE IF NOT EXISTS one_each_tickets (reservation_id text PRIMARY KEY, sale_id text NOT NULL, user_id text NOT NULL, created_at timestamptz NOT NULL DEFAULT now())',
);

const connection = await connectBroker(config.FLASHGRID_AMQP_URL, { timeout: 5_000 });
const channel = await connection.createChannel();
await channel.prefetch(PREFETCH);
const queue = `${namespace}.one-each`;
await channel.assertQueue(queue, { durable: true });
await channel.consume(queue, (message) => {
  if (!message) return;
  void decide(message.content).then(
    () => channel.ack(message),
    () => channel.nack(message, false, false),
  );
});
reportReady(1, async () => {
  await connection.close();
  redis.disconnect();
  await pool.end();
});

async function decide(content: Buffer): Promise<void> {
  const { reservationId, saleId, userId } = messageSchema.parse(JSON.parse(content.toString()));
  const tag = `${namespace}:{${saleId}}:one-each`;
  const isGranted = Number(await redis.fgOneEach(`${tag}:stock`, `${tag}:buyers`, userId)) === 1;
  if (isGranted)
    await pool.query('INSERT INTO one_each_tickets (reservation_id, sale_id, user_id) VALUES ($1, $2, $3)', [
      reservationId,
      saleId,
      userId,
    ]);
  await redis.publish(
    `${namespace}:one-each`,
    JSON.stringify({ reservationId, status: isGranted ? 'granted' : 'refused' }),
  );
}
