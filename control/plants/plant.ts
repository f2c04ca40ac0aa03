/** Plants one defect into a drained sale, consistent in all but what it is meant to break (contract/plants.ts). */
import { FailureError } from '../../contract/failure.ts';
import { PLANTS, type PlantId } from '../../contract/plants.ts';
import { errorText } from '../../services/shared/error-text.ts';
import { parseReservationId, type FramedRef } from '../../services/shared/ids.ts';
import { ORDER_TOLERANCE_MS } from '../audit/checks/order.ts';
import { FATE, GRANTED_CODE, type Evidence } from '../audit/evidence.ts';
import type { PlantBed } from './plant-bed.ts';
import type { PlantedLedger } from './planted-ledger.ts';

/** Who sent nothing, and what they did not send. */
const NOBODY = 'planted-nobody';
const NO_FRAME = 'planted0-1';
const SOLD_OUT_CODE = 'S'.charCodeAt(0);
/** ms beyond all that the check of the order tolerates. */
const FAR_MS = 60_000;

/** An accepted request and its reservation. */
interface Reserved extends FramedRef {
  readonly request: number;
  readonly id: string;
  readonly userId: string;
}

interface Granted extends Reserved {
  readonly unit: number;
}

/** The reservations of a drained sale, in the order in which they were sent. */
interface Field {
  readonly bed: PlantBed;
  readonly ledger: PlantedLedger;
  readonly evidence: Evidence;
  readonly granted: readonly Granted[];
  /** Refused as sold out. */
  readonly refused: readonly Reserved[];
}

/** @returns what was changed, as a sentence */
type Plant = (field: Field) => Promise<string>;

const PLANTERS: Readonly<Record<PlantId, Plant>> = {
  oversell: async ({ bed, granted }) => {
    const [one, other] = [need(granted, 0), need(granted, 1)];
    await bed.copyTicket(one.unit, { unit: other.unit });
    await bed.removeTicket(one.unit);
    await bed.changeGrant(one, other.unit);
    return `Unit ${other.unit} was sold to ${other.userId} and to ${one.userId}, who had unit ${one.unit}.`;
  },
  undersell: async ({ bed, granted }) => {
    // The last one: nobody who was granted a unit asked after them, so the order stays right.
    const last = need(granted, granted.length - 1);
    await bed.removeTicket(last.unit);
    await bed.changeGrant(last, 'refused');
    await bed.addRemaining(1);
    return `Unit ${last.unit}, which ${last.userId} had, is left, and they are refused as sold out.`;
  },
  'lose-ack': async ({ bed, granted, refused }) => {
    const withGrants = new Set(granted.map(({ frameId }) => frameId));
    const lost = need(
      refused.filter(({ frameId }) => !withGrants.has(frameId)),
      0,
    );
    await bed.removeRecord(lost.frameId);
    const count = refused.filter(({ frameId }) => frameId === lost.frameId).length;
    return `Frame ${lost.frameId} was never decided: ${count} accepted.`;
  },
  'double-insert': async ({ bed, granted, evidence }) => {
    const one = need(granted, 0);
    for (let copy = 0; copy < evidence.sale.perBuyerLimit; copy++) await bed.copyTicket(one.unit);
    return `The ticket of ${one.userId} for unit ${one.unit} was inserted ${evidence.sale.perBuyerLimit + 1} times.`;
  },
  'lose-one-add-one': async ({ bed, granted, refused }) => {
    const [loser, finder] = [need(granted, 0), need(refused, 0)];
    await bed.changeTicket(loser.unit, { reservationId: finder.id, userId: finder.userId });
    return `The ticket for unit ${loser.unit} went from ${loser.userId}, who was granted it, to ${finder.userId}, who was refused.`;
  },
  phantom: async ({ bed, granted, evidence }) => {
    const last = need(granted, granted.length - 1);
    const reservationId = `${evidence.sale.id}.${NO_FRAME}.0`;
    await bed.changeGrant(last, 'refused');
    await bed.changeTicket(last.unit, { reservationId, userId: NOBODY });
    return `Unit ${last.unit} was sold to ${NOBODY}, who sent nothing, and ${last.userId} was refused.`;
  },
  'over-limit': async ({ bed, granted, ledger, evidence }) => {
    const [buyer, ...others] = Array.from({ length: evidence.sale.perBuyerLimit + 1 }, (_, at) =>
      need(granted, at),
    );
    for (const { request, unit } of others) {
      ledger.change(request, { userId: need([buyer], 0).userId });
      await bed.changeTicket(unit, { userId: need([buyer], 0).userId });
    }
    return `${buyer?.userId} sent ${others.length + 1} requests and got a ticket for each.`;
  },
  'wrong-owner': async ({ bed, granted }) => {
    const one = need(granted, 0);
    await bed.changeTicket(one.unit, { userId: NOBODY });
    return `The ticket of ${one.userId} for unit ${one.unit} is in the name of ${NOBODY}.`;
  },
  'late-grant': async ({ granted, refused, ledger, evidence }) => {
    const [late, early] = [need(granted, 0), need(refused, 0)];
    const toleranceMs = ORDER_TOLERANCE_MS + (evidence.heldUpMs ?? 0);
    const sentAtMs = ledger.answeredAtMs(early.request) + toleranceMs + FAR_MS;
    ledger.change(late.request, { sentAtMs, answeredAtMs: sentAtMs + 1 });
    return `${late.userId} asked ${FAR_MS / 1_000} s later than is tolerated and got unit ${late.unit}; ${early.userId} had been accepted before and was refused.`;
  },
};

/** Plants a defect and tells what it changed. Whoever gave the bed takes the changes back. */
export async function plant(
  id: PlantId,
  bed: PlantBed,
  ledger: PlantedLedger,
  evidence: Evidence,
): Promise<string> {
  try {
    return await PLANTERS[id]({ bed, ledger, evidence, ...reservationsOf(evidence) });
  } catch (error) {
    if (error instanceof NothingToSpoil)
      throw new FailureError({
        code: 'plant.notPlanted',
        message: `"${id}" could not be planted: too few reservations were granted, or none was refused as sold out (${PLANTS[id].title}).`,
        fix: 'Attack with at least 50 units of stock and several times as many buyers.',
      });
    throw new FailureError(
      {
        code: 'plant.notPlanted',
        message: `"${id}" could not be planted: ${errorText(error)}.`,
        fix: 'Give the user of an external Postgres the right to create tables in its schema; else see which backend is away.',
      },
      { cause: error },
    );
  }
}

class NothingToSpoil extends Error {
  override readonly name = 'NothingToSpoil';
}

function need<Value>(list: readonly (Value | undefined)[], at: number): Value {
  const value = list[at];
  if (value === undefined) throw new NothingToSpoil();
  return value;
}

function reservationsOf({ ledger, fate, outcomes, ticketsOf }: Evidence): Pick<Field, 'granted' | 'refused'> {
  const granted: Granted[] = [];
  const refused: Reserved[] = [];
  for (let request = 0; request < ledger.count; request++) {
    const id = ledger.reservationId(request);
    const ref = id === undefined || fate[request] === FATE.none ? undefined : parseReservationId(id);
    if (id === undefined || ref?.kind !== 'framed') continue;
    const reserved = { ...ref, request, id, userId: ledger.userId(request) };
    const code = outcomes.code[request];
    if (code === GRANTED_CODE && ticketsOf[request] === 1)
      granted.push({ ...reserved, unit: outcomes.firstUnit[request] ?? 0 });
    else if (code === SOLD_OUT_CODE) refused.push(reserved);
  }
  const inOrder = (one: Reserved, other: Reserved) =>
    ledger.sentAtMs(one.request) - ledger.sentAtMs(other.request);
  return { granted: granted.sort(inOrder), refused: refused.sort(inOrder) };
}
