/** The designs that the lab compares: what each waits for, what it claims, and what it gives up. */
import { z } from 'zod';

export interface DesignFacts {
  readonly title: string;
  /** Isolation level of Postgres, or who decides in its place. */
  readonly isolation: string;
  /** What has happened by the time of the answer. */
  readonly answers: 'queued' | 'decided' | 'committed';
  /** Where the order is, and what it survives by the time of the answer. */
  readonly durability: string;
  /** Whether two buyers may get one unit. */
  readonly oversells: 'always' | 'never' | 'when a holder stalls';
  /** In one sentence. */
  readonly givesUp: string;
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
    givesUp: 'Two transactions read the same number, and both sell that unit.',
    stoppedBy:
      'SELECT … FOR UPDATE would have made the second one wait, and UPDATE … WHERE left_units > 0 would have looked again.',
    betterFor: 'Nothing where two buyers can come at once.',
  },
  'repeatable-read': {
    title: 'The same under REPEATABLE READ',
    isolation: 'REPEATABLE READ',
    answers: 'committed',
    durability: POSTGRES,
    oversells: 'never',
    givesUp: 'Of those who meet, one commits; the others try again, and some give up.',
    betterFor: 'Code that exists, and rarely meets itself.',
  },
  serializable: {
    title: 'The same under SERIALIZABLE',
    isolation: 'SERIALIZABLE',
    answers: 'committed',
    durability: POSTGRES,
    oversells: 'never',
    givesUp: 'As under REPEATABLE READ, with more to compare.',
    betterFor: 'Rules over several rows that no constraint can say.',
  },
  'row-lock': {
    title: 'Row lock',
    isolation: 'READ COMMITTED, SELECT … FOR UPDATE',
    answers: 'committed',
    durability: POSTGRES,
    oversells: 'never',
    givesUp: 'Buyers stand in line at one row, each with a connection.',
    betterFor: 'A step between look and write that only the program knows.',
  },
  'atomic-update': {
    title: 'One atomic UPDATE',
    isolation: 'READ COMMITTED, one statement',
    answers: 'committed',
    durability: POSTGRES,
    oversells: 'never',
    givesUp: 'Each buyer still locks the one row in turn.',
    betterFor: 'Most shops: simple, exact, and quick up to some thousand buyers a second.',
  },
  'skip-locked': {
    title: 'A row a unit, SKIP LOCKED',
    isolation: 'READ COMMITTED, FOR UPDATE SKIP LOCKED',
    answers: 'committed',
    durability: POSTGRES,
    oversells: 'never',
    givesUp: 'It may say sold out while the last units are locked by others who roll back.',
    betterFor: 'Units that differ, such as seats, and many of them.',
  },
  'postgres-batched': {
    title: 'Postgres alone, in batches',
    isolation: 'READ COMMITTED, one transaction a batch',
    answers: 'committed',
    durability: POSTGRES,
    oversells: 'never',
    givesUp: 'One process decides, and what waits in its memory is lost with it.',
    betterFor: 'Large crowds with nothing but Postgres, while one process is enough.',
  },
  'version-column': {
    title: 'Version column',
    isolation: 'READ COMMITTED, WHERE version = …',
    answers: 'committed',
    durability: POSTGRES,
    oversells: 'never',
    givesUp: 'Most tries are lost in a crowd, and some buyers give up while units are left.',
    betterFor: 'Forms that a person edits for minutes.',
  },
  'redis-get-decr': {
    title: 'Redis: GET, then DECR',
    isolation: 'none: two commands of Redis',
    answers: 'committed',
    durability: POSTGRES,
    oversells: 'always',
    givesUp: 'All who read a number above 0 buy.',
    stoppedBy: "Looking at DECR's own answer would have: below 0 means that it came too late.",
    betterFor: "Nothing: DECR's own answer is free.",
  },
  'redis-decr': {
    title: 'Redis: DECR, given back below 0',
    isolation: 'one command of Redis',
    answers: 'committed',
    durability: `${POSTGRES}; the counter is Redis' own`,
    oversells: 'never',
    givesUp: 'A process that ends between Redis and Postgres has taken a unit that nobody owns.',
    betterFor: 'Limits that need not be exact after a crash.',
  },
  'redis-lua': {
    title: 'Redis: Lua, then INSERT',
    isolation: 'one script of Redis',
    answers: 'committed',
    durability: `${POSTGRES}; the counter is Redis' own`,
    oversells: 'never',
    givesUp: 'As above; and Postgres must keep up with the buyers.',
    betterFor: 'Small stocks and large crowds, where a lost unit may be found by hand.',
  },
  redlock: {
    title: 'Redlock around it',
    isolation: 'a lock in Redis that ends by time',
    answers: 'committed',
    durability: POSTGRES,
    oversells: 'when a holder stalls',
    givesUp: 'A holder that stalls longer than its lock lasts sells the unit a second time.',
    betterFor: 'Work that may be done twice, and should not be.',
  },
  'one-each': {
    title: 'One message a request',
    isolation: 'one script of Redis, behind a queue',
    answers: 'queued',
    durability: 'RabbitMQ has not confirmed the message by then: it may be lost',
    oversells: 'never',
    givesUp: 'An accepted request can be lost, and each pays for a message of its own.',
    betterFor: 'Work that takes long, where the buyer need not wait.',
  },
  flashgrid: {
    title: 'FlashGrid',
    isolation: 'one script of Redis a frame, unique keys in Postgres',
    answers: 'queued',
    durability: 'RabbitMQ has confirmed and stored the frame: survives the end of any process',
    oversells: 'never',
    givesUp: 'Four parts to run, and an answer that only says queued: the outcome comes a moment later.',
    betterFor: 'Crowds that come at once, where nobody may be rejected or lost.',
  },
} as const satisfies Record<string, DesignFacts>;

export type DesignId = keyof typeof DESIGNS;
export const DESIGN_IDS = Object.keys(DESIGNS) as readonly DesignId[];
export const designIdSchema = z.enum(DESIGN_IDS);
