/** The designs that the lab compares: what each waits for, what it claims, and what it gives up. */
import { z } from 'zod';
import type { BackendRole } from './backends.ts';

export interface DesignFacts {
  readonly title: string;
  /** Isolation level of Postgres, or who decides in its place. */
  readonly isolation: string;
  /** What has happened by the time of the answer. */
  readonly answers: 'queued' | 'decided' | 'committed';
  /** Where the order is, and what it survives by the time of the answer. */
  readonly durability: string;
  /** The backends that it needs. */
  readonly uses: readonly BackendRole[];
  /** Whether two buyers may get one unit. */
  /** `often`: a small crowd may slip through its narrow window. */
  readonly oversells: 'always' | 'often' | 'never' | 'when a holder stalls';
  /** In one sentence. */
  readonly givesUp: string;
  /** What follows when one of two instances is stopped while it holds its lock or its unit, and goes on later. */
  readonly whenStopped: string;
  /** What would have stopped it, where it oversells. */
  readonly stoppedBy?: string;
  /** Where it is the better choice. */
  readonly betterFor: string;
}

const POSTGRES = 'Postgres, synchronous commit: survives the end of any process';

export const DESIGNS = {
  'read-then-write': {
    title: 'Read, then write',
    isolation: 'READ COMMITTED',
    answers: 'committed',
    durability: POSTGRES,
    oversells: 'always',
    uses: ['postgres'],
    givesUp: 'Two transactions read the same number, and both sell that unit.',
    stoppedBy:
      'SELECT … FOR UPDATE would have made the second one wait for the first. UPDATE … SET left_units = left_units - 1 WHERE left_units > 0 would have counted from the row as it is then, not from what was read.',
    whenStopped: 'It writes back the number that it read: what the others sold meanwhile is sold again.',
    betterFor: 'Nothing where two buyers can come at once.',
  },
  'repeatable-read': {
    title: 'The same under REPEATABLE READ',
    isolation: 'REPEATABLE READ',
    answers: 'committed',
    durability: POSTGRES,
    oversells: 'never',
    uses: ['postgres'],
    givesUp:
      'Postgres refuses an UPDATE of a row that has changed since its snapshot: that buyer tries again, and may give up.',
    whenStopped: 'Postgres refuses its UPDATE, since the row has changed; it tries again.',
    betterFor: 'Code that exists, and rarely meets itself.',
  },
  serializable: {
    title: 'The same under SERIALIZABLE',
    isolation: 'SERIALIZABLE',
    answers: 'committed',
    durability: POSTGRES,
    oversells: 'never',
    uses: ['postgres'],
    givesUp: 'As under REPEATABLE READ, with more to compare.',
    whenStopped: 'As under REPEATABLE READ: Postgres refuses its UPDATE, and it tries again.',
    betterFor: 'Rules over several rows that no constraint can say.',
  },
  'row-lock': {
    title: 'Row lock',
    isolation: 'READ COMMITTED, SELECT … FOR UPDATE',
    answers: 'committed',
    durability: POSTGRES,
    oversells: 'never',
    uses: ['postgres'],
    givesUp: 'Buyers stand in line at one row, each with a connection.',
    whenStopped: 'Its transaction holds the row: all others wait until it goes on.',
    betterFor: 'A step between look and write that only the program knows.',
  },
  'atomic-update': {
    title: 'One atomic UPDATE',
    isolation: 'READ COMMITTED, one statement',
    answers: 'committed',
    durability: POSTGRES,
    oversells: 'never',
    uses: ['postgres'],
    givesUp: 'Each buyer still locks the one row in turn.',
    whenStopped: 'It holds nothing: its one statement has committed, and only its buyers wait.',
    betterFor: 'Most shops: simple, exact, and quick up to some thousand buyers a second.',
  },
  'skip-locked': {
    title: 'A row a unit, SKIP LOCKED',
    isolation: 'READ COMMITTED, FOR UPDATE SKIP LOCKED',
    answers: 'committed',
    durability: POSTGRES,
    oversells: 'never',
    uses: ['postgres'],
    givesUp: 'It may say sold out while the last units are locked by others who roll back.',
    whenStopped: 'It holds nothing: its one statement has committed, and only its buyers wait.',
    betterFor: 'Units that differ, such as seats, and many of them.',
  },
  'postgres-batched': {
    title: 'Postgres alone, in batches',
    isolation: 'READ COMMITTED, one transaction a batch',
    answers: 'committed',
    durability: POSTGRES,
    oversells: 'never',
    uses: ['postgres'],
    givesUp: 'One process decides, and what waits in its memory is lost with it.',
    whenStopped: 'Its batch holds the row: all others wait until it goes on.',
    betterFor: 'Large crowds with nothing but Postgres, while one process is enough.',
  },
  'version-column': {
    title: 'Version column',
    isolation: 'READ COMMITTED, WHERE version = …',
    answers: 'committed',
    durability: POSTGRES,
    oversells: 'never',
    uses: ['postgres'],
    givesUp: 'Most tries are lost in a crowd, and buyers may give up while units are left.',
    whenStopped: 'Its UPDATE finds another version and changes nothing; it tries again.',
    betterFor: 'Forms that a person edits for minutes.',
  },
  'redis-get-decr': {
    title: 'Redis: GET, then DECR',
    isolation: 'none: two commands of Redis',
    answers: 'committed',
    durability: POSTGRES,
    oversells: 'often',
    uses: ['postgres', 'redis'],
    givesUp: 'All who read a number above 0 buy.',
    stoppedBy: "Looking at DECR's own answer would have: below 0 means that it came too late.",
    whenStopped: 'It trusts the number that it read, and sells a unit that is not there.',
    betterFor: "Nothing: DECR's own answer tells more, and costs no more.",
  },
  'redis-decr': {
    title: 'Redis: DECR, given back below 0',
    isolation: 'one command of Redis',
    answers: 'committed',
    durability: `${POSTGRES}; the counter is Redis' own`,
    oversells: 'never',
    uses: ['postgres', 'redis'],
    givesUp: 'A process that ends between Redis and Postgres has taken a unit that nobody owns.',
    whenStopped: 'Its unit is out of the counter: the others sell the rest, and its order comes late.',
    betterFor: 'Limits that need not be exact after a crash.',
  },
  'redis-lua': {
    title: 'Redis: Lua, then INSERT',
    isolation: 'one script of Redis',
    answers: 'committed',
    durability: `${POSTGRES}; the counter is Redis' own`,
    oversells: 'never',
    uses: ['postgres', 'redis'],
    givesUp: 'As above; and Postgres must keep up with the buyers.',
    whenStopped: 'Its unit is out of the counter: the others sell the rest, and its order comes late.',
    betterFor: 'Small stocks and large crowds, where a lost unit may be found by hand.',
  },
  redlock: {
    title: 'Redlock around it',
    isolation: 'a lock in Redis that ends by time',
    answers: 'committed',
    durability: POSTGRES,
    oversells: 'when a holder stalls',
    uses: ['postgres', 'redis'],
    givesUp: 'A holder that stalls longer than its lock lasts sells the unit a second time.',
    stoppedBy:
      'A number that grows with each lock and that Postgres compares (a fencing token) would have refused the one who came late.',
    whenStopped:
      'Its lock ends, others sell, and then it writes back the number that it read: nothing refuses it.',
    betterFor: 'Work that may be done twice, and should not be.',
  },
  'one-each': {
    title: 'One message a request',
    isolation: 'one script of Redis, behind a queue',
    answers: 'queued',
    durability: 'RabbitMQ has not confirmed the message by then: it may be lost',
    oversells: 'never',
    uses: ['postgres', 'redis', 'rabbitmq'],
    givesUp: 'An accepted request can be lost, and each pays for a message of its own.',
    whenStopped: 'The messages in its hand wait for it; the others sell what is left in the counter.',
    betterFor: 'Work that takes long, where the buyer need not wait.',
  },
  flashgrid: {
    title: 'FlashGrid',
    isolation: 'one script of Redis a frame, unique keys in Postgres',
    answers: 'queued',
    durability: 'RabbitMQ has confirmed and stored the frame: survives the end of any process',
    oversells: 'never',
    uses: ['postgres', 'redis', 'rabbitmq'],
    givesUp:
      'Three backends and two services to run, and an answer that only says queued: the outcome comes a moment later.',
    whenStopped:
      'The frame in its hand waits for it; other workers decide the rest, and each grant is stored once.',
    betterFor: 'Crowds that come at once, where each request must be taken and get its outcome.',
  },
} as const satisfies Record<string, DesignFacts>;

export type DesignId = keyof typeof DESIGNS;
export const DESIGN_IDS = Object.keys(DESIGNS) as readonly DesignId[];
export const designIdSchema = z.enum(DESIGN_IDS);
