/**
 * Defects that a run can be given on purpose, to see that the audit finds them. Each is made in the backends, or in what the load
 * generator saw, after the queue has drained and before the audit's last look: where a real bug would show. A check that never fails
 * proves nothing.
 */
import type { CheckId } from './checks.ts';

interface PlantText {
  /** Ends "A defect was planted: …". */
  readonly title: string;
  /** What is changed, as a sentence. */
  readonly does: string;
  /** The checks that must fail, and no other, in the order of the table of checks. */
  readonly breaks: readonly CheckId[];
  /** Why one defect breaks several checks. */
  readonly why?: string;
}

const TABLE = {
  oversell: {
    title: 'one unit is sold to two buyers',
    does: 'A ticket and the record of its frame name a unit that another buyer has a ticket of.',
    breaks: ['no_oversell'],
  },
  undersell: {
    title: 'a buyer is refused as sold out although a unit is left',
    does: 'A granted reservation becomes refused in its record, its ticket is deleted, and Redis counts one unit more.',
    breaks: ['no_undersell'],
  },
  'lose-ack': {
    title: 'a frame is acked and never decided',
    does: 'The record of a frame whose buyers were told 202 is deleted.',
    breaks: ['conservation', 'single_outcome'],
    why: 'A reservation that is never decided is pending, and has no outcome.',
  },
  'double-insert': {
    title: 'tickets are inserted once more, past the unique keys',
    does: 'A ticket is copied until its buyer is over the limit.',
    breaks: ['no_oversell', 'single_outcome', 'stock_balance', 'buyer_limit'],
    why: 'Each copy is a unit that was sold before, that its reservation was not granted, that Redis did not count, and that its buyer may not have.',
  },
  'lose-one-add-one': {
    title: 'a ticket goes to a reservation that was refused',
    does: 'A ticket changes from a granted reservation to a refused one; every sum stays right.',
    breaks: ['single_outcome'],
  },
  phantom: {
    title: 'a ticket belongs to a reservation that nobody sent',
    does: 'A granted reservation becomes refused in its record, and its ticket changes to a reservation and a buyer that do not exist.',
    breaks: ['no_phantom'],
  },
  'over-limit': {
    title: 'one buyer gets more tickets than the limit allows',
    does: 'Granted requests and their tickets change to one buyer, until there is one more than the limit.',
    breaks: ['buyer_limit'],
  },
  'wrong-owner': {
    title: 'a ticket is in the name of another buyer',
    does: 'The buyer of a ticket changes to one who sent no request.',
    breaks: ['no_phantom'],
  },
  'late-grant': {
    title: 'a buyer gets a unit that was due to one before them',
    does: 'A granted request was sent long after a buyer had been told 202 who was then refused as sold out.',
    breaks: ['order'],
  },
} as const satisfies Record<string, PlantText>;

export type PlantId = keyof typeof TABLE;
export const PLANTS: Readonly<Record<PlantId, PlantText>> = TABLE;
export const PLANT_IDS = Object.keys(TABLE) as PlantId[];

/** Whether exactly the checks that a planted defect must break are broken. */
export function isFound(plant: PlantId, broken: readonly string[]): boolean {
  const { breaks } = PLANTS[plant];
  return breaks.length === broken.length && breaks.every((check) => broken.includes(check));
}
