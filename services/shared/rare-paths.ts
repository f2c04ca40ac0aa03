/**
 * The rare paths of the engine: what gateway and worker do only when something went wrong, came twice or came
 * late. A pass proves little if none of them was taken, so each is counted where it is decided. Which tests take
 * which: tests/structure/rare-paths.test.ts.
 */

export type RarePathRole = 'gateway' | 'worker';

interface RarePathFacts {
  /** The service that counts it. */
  readonly by: RarePathRole;
  /** Where, as a file of `services/`. */
  readonly where: string;
  /** What happened, as a few words for a list; lower case. */
  readonly title: string;
  /** What that means, in a sentence. */
  readonly meaning: string;
}

const gateway = (where: string, title: string, meaning: string) =>
  ({ by: 'gateway', where: `gateway/${where}`, title, meaning }) as const;
const worker = (where: string, title: string, meaning: string) =>
  ({ by: 'worker', where: `worker/${where}`, title, meaning }) as const;

/** All rare paths, in the order in which a reservation may meet them. */
export const RARE_PATHS = {
  saleFromPostgres: gateway(
    'store-reader.ts',
    'sale looked up in Postgres',
    'Redis did not know a sale, or was away, and the gateway read it from Postgres.',
  ),
  saleNotFound: gateway(
    'reserve-handler.ts',
    'sale could not be looked up',
    'Neither Redis nor Postgres answered for a sale: 503, nothing was queued.',
  ),
  keyReplayed: gateway(
    'reserve-handler.ts',
    'keyed request answered again',
    'A request came again under its idempotency key after it was decided, and got its first answer.',
  ),
  keyReused: gateway(
    'reserve-handler.ts',
    'key sent with another body',
    'A key that is known came with another buyer or quantity: 422, nothing was queued.',
  ),
  keyNotLookedUp: gateway(
    'reserve-handler.ts',
    'key not looked up',
    'Redis did not answer for a key. The request went on, since the worker looks the key up again.',
  ),
  keyFoundInPostgres: gateway(
    'reserve-handler.ts',
    'keyed ticket found in Postgres',
    'Redis had lost a sale that takes nothing any more, and a key got its first answer from Postgres.',
  ),
  buffersFull: gateway(
    'reserve-handler.ts',
    'gateway buffers full',
    'As many reservations as allowed waited for their confirm: 503, nothing was queued.',
  ),
  frameCutShort: gateway(
    'frame-collector.ts',
    'frame closed early by a reset',
    'A sale was reset while a frame of it was open. The frame was closed, since it belongs to one generation.',
  ),
  frameNotSent: gateway(
    'reserve-handler.ts',
    'frame not sent',
    'A frame was open when RabbitMQ stopped serving. It was never sent: 503, nothing was queued.',
  ),
  frameNacked: gateway(
    'reserve-handler.ts',
    'frame refused by RabbitMQ',
    'RabbitMQ nacked a frame, since its queue is full or has lost its leader: 503, nothing was queued.',
  ),
  frameReturned: gateway(
    'reserve-handler.ts',
    'frame without a queue',
    'RabbitMQ gave a frame back, since the queue was gone. The queue was declared again: 503, nothing was queued.',
  ),
  confirmTimeout: gateway(
    'reserve-handler.ts',
    'confirm not in time',
    'RabbitMQ did not confirm a frame in time: 503 unconfirmed, and nobody knows whether it is stored.',
  ),
  confirmLost: gateway(
    'reserve-handler.ts',
    'confirm lost with the connection',
    'The connection was lost before the confirm came: 503 unconfirmed, and nobody knows whether it is stored.',
  ),
  confirmLate: gateway(
    'broker-link.ts',
    'confirm after its frame was given up',
    'RabbitMQ answered for a frame whose buyers had been told that nobody knows.',
  ),
  brokerBlocked: gateway(
    'broker-link.ts',
    'RabbitMQ blocked publishers',
    'RabbitMQ raised an alarm for memory or disk, and the gateway stopped publishing.',
  ),
  brokerSilent: gateway(
    'broker-link.ts',
    'RabbitMQ fell silent',
    'RabbitMQ did not answer in time, and the frames in flight were given up.',
  ),
  gatewayLinkDead: gateway(
    'broker-link.ts',
    'dead connection of a gateway dropped',
    'RabbitMQ answered a new connection of a gateway and not the old one, which was dropped.',
  ),
  gatewayReconnected: gateway(
    'broker-link.ts',
    'gateway reconnected to RabbitMQ',
    'A gateway had lost its connection to RabbitMQ and has a new one.',
  ),
  lookupFromPostgres: gateway(
    'reservation-lookup.ts',
    'outcome looked up in Postgres',
    'Redis had no record of a reservation any more, and its tickets in Postgres answered.',
  ),
  lookupBeforeCommit: gateway(
    'reservation-lookup.ts',
    'outcome asked for before its commit',
    'Redis had granted a reservation and Postgres did not have its tickets yet: it counts as queued.',
  ),
  lookupAfterReset: gateway(
    'reservation-lookup.ts',
    'outcome asked for after a reset',
    'Redis remembered a grant whose tickets a reset has deleted: it is answered as refused.',
  ),
  frameRedelivered: worker(
    'frame-consumer.ts',
    'frame handed out again',
    'RabbitMQ handed a frame out again, since its ack had not come.',
  ),
  frameReplayed: worker(
    'frame-processor.ts',
    'dead letter given back',
    'A frame came back from the dead-letter queue.',
  ),
  oldFrameRecalled: worker(
    'frame-processor.ts',
    'frame older than its record',
    'A frame came again after its record had expired. The sale was rebuilt first, so that nothing is sold twice.',
  ),
  saleUnknown: worker(
    'frame-processor.ts',
    'sale forgotten by Redis',
    'Redis did not know the sale of a frame, or only as of before a reset or a restart.',
  ),
  redisRestarted: worker(
    'worker.ts',
    'restart of Redis seen',
    'A worker reached a Redis that had started again, or another one. Its sales were rebuilt.',
  ),
  saleRebuilt: worker(
    'frame-processor.ts',
    'sale rebuilt',
    'A sale got a new epoch in Redis from its tickets in Postgres.',
  ),
  rebuildNotNeeded: worker(
    'frame-processor.ts',
    'rebuilt by another worker',
    'A worker wanted to rebuild a sale, and another had done it by then.',
  ),
  rebuildGaveWay: worker(
    'frame-processor.ts',
    'rebuild gave way',
    'Redis held a later epoch or generation when a rebuild was ready, and the rebuild changed nothing.',
  ),
  frameRepeated: worker(
    'frame-processor.ts',
    'frame decided before',
    'A frame had a record of this epoch: it got the same outcomes again.',
  ),
  outcomeKept: worker(
    'frame-processor.ts',
    'outcomes kept over a rebuild',
    'A frame was decided again after a rebuild, and kept what had been refused or committed before.',
  ),
  keyKnownToWorker: worker(
    'frame-processor.ts',
    'key known to the worker only',
    'A keyed reservation was queued twice, and the second got the outcome of the first.',
  ),
  keyRefusedByWorker: worker(
    'frame-processor.ts',
    'key refused by the worker',
    'A key was queued with two different bodies, and the second was refused as `key_reused`.',
  ),
  frameOfClosedSale: worker(
    'frame-processor.ts',
    'frame of a closed sale',
    'A frame was accepted before its sale was closed and decided after it: refused as `sale_closed`.',
  ),
  frameOfResetSale: worker(
    'frame-processor.ts',
    'frame from before a reset',
    'A frame was accepted before its sale was reset and decided after it: refused as `sale_reset`.',
  ),
  epochStale: worker(
    'ticket-writer.ts',
    'grants of an old epoch refused',
    'The fence refused grants: the sale had another epoch, generation or stock by then.',
  ),
  unitTaken: worker(
    'ticket-writer.ts',
    'unit owned already',
    'Postgres refused grants by a unique key or a check: Redis had granted a unit that is sold.',
  ),
  insertSplit: worker(
    'ticket-writer.ts',
    'shared INSERT split',
    'An INSERT for several frames failed for good, and each frame got one of its own.',
  ),
  ticketsPresent: worker(
    'ticket-writer.ts',
    'tickets committed before',
    'The tickets of a frame were in Postgres already: its first worker had committed them.',
  ),
  commitAnswerLost: worker(
    'ticket-writer.ts',
    'answer of a commit lost',
    'A commit had succeeded and its answer was lost: asked again, the tickets were there.',
  ),
  commitRetried: worker(
    'worker.ts',
    'commit tried again',
    'Postgres did not take an INSERT, and it was tried again.',
  ),
  postgresLinkDead: worker(
    'worker.ts',
    'dead connections to Postgres dropped',
    'Postgres answered a new connection of a worker and not the old ones, which were dropped.',
  ),
  decisionRetried: worker(
    'worker.ts',
    'decision tried again',
    'Redis or Postgres did not answer for a decision, a rebuild or a publication, and it was tried again.',
  ),
  ackedOutOfOrder: worker(
    'frame-consumer.ts',
    'frames acked out of order',
    'A frame waited so long, for example for Postgres, that frames behind it were acked before it.',
  ),
  ackLost: worker(
    'frame-consumer.ts',
    'ack lost',
    'The connection to RabbitMQ was lost before a finished frame was acked.',
  ),
  frameRequeued: worker(
    'frame-consumer.ts',
    'frame given back',
    'A worker gave a frame back to the queue, since it stopped or had waited too long.',
  ),
  frameParted: worker(
    'frame-consumer.ts',
    'frame parted from its message',
    'One of several frames in a message can never be decided. It was queued again alone, and the others were acked.',
  ),
  frameDeadLettered: worker(
    'frame-consumer.ts',
    'frame dead-lettered',
    'A frame that can never be decided was set aside in the dead-letter queue.',
  ),
  workerLinkDead: worker(
    'frame-consumer.ts',
    'dead connection of a worker dropped',
    'RabbitMQ answered a new connection of a worker and not the old one, which was dropped.',
  ),
  workerReconnected: worker(
    'frame-consumer.ts',
    'worker reconnected to RabbitMQ',
    'A worker had lost its connection to RabbitMQ and has a new one.',
  ),
} as const satisfies Readonly<Record<string, RarePathFacts>>;

export type RarePath = keyof typeof RARE_PATHS;

/** The paths that one kind of service counts. */
export type RarePathOf<Role extends RarePathRole> = {
  [Path in RarePath]: (typeof RARE_PATHS)[Path]['by'] extends Role ? Path : never;
}[RarePath];

/** How often each path was taken; those that were never taken are left out. */
export type Coverage = Readonly<Partial<Record<RarePath, number>>>;

/** Counts of one service. A path that is not in the table, or that the other service counts, does not compile. */
export type RareCounts<Role extends RarePathRole> = Record<RarePathOf<Role>, number>;

export const RARE_PATH_IDS = Object.keys(RARE_PATHS).filter(isRarePath);

export function isRarePath(id: string): id is RarePath {
  return Object.hasOwn(RARE_PATHS, id);
}

/** Counts at zero: plain numbers, raised where the path is taken. */
export function rareCounts<Role extends RarePathRole>(role: Role): RareCounts<Role> {
  const zeros = RARE_PATH_IDS.filter((id) => RARE_PATHS[id].by === role).map((id) => [id, 0]);
  return Object.fromEntries(zeros) as RareCounts<Role>;
}

/** What was taken at least once. */
export function taken(counts: Coverage): Coverage {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

/** The sum of several coverages. Paths that this version does not know are left out. */
export function addCoverages(
  coverages: Iterable<Readonly<Partial<Record<string, number>>> | undefined>,
): Coverage {
  const sums: Partial<Record<RarePath, number>> = {};
  for (const coverage of coverages)
    for (const id of RARE_PATH_IDS) {
      const count = coverage?.[id] ?? 0;
      if (count > 0) sums[id] = (sums[id] ?? 0) + count;
    }
  return sums;
}
