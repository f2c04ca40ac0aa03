import { figure, milliseconds, plural } from '../../../contract/format.ts';
import type { Check } from '../../../contract/run-record.ts';
import { FATE, type Evidence } from '../evidence.ts';
import { answerEvent, decisionEvent, outcomeEvent, requestEvent, witness } from '../witness.ts';
import { result } from './check.ts';

/**
 * ms by which grants may depart from the order of acceptance. Frames of several gateways are decided in
 * parallel, and the frames of a worker that dies are delivered again after newer ones: both stay well below
 * this limit. More means that something is stuck. A part that stood still, by its own clock, may add the time
 * that it did: its frames waited with it.
 */
export const ORDER_TOLERANCE_MS = 2_000;

const SOLD_OUT_CODE = 'S'.charCodeAt(0);

/**
 * Finds buyers that were accepted and then refused as sold out, although a buyer who asked only after that
 * got a unit. The generator's clock proves only that order: of two requests in flight at once, nobody can say
 * which was first.
 */
export function checkOrder(evidence: Evidence): Check {
  const { ledger, fate, outcomes, heldUpMs = 0 } = evidence;
  const toleranceMs = ORDER_TOLERANCE_MS + heldUpMs;
  let lastGrantedSentMs = -Infinity;
  let lastGranted = -1;
  for (let request = 0; request < ledger.count; request++) {
    // Who sends a granted request again asked for it when it was sent first.
    if (evidence.repeats?.has(request)) continue;
    if (fate[request] === FATE.granted && ledger.sentAtMs(request) > lastGrantedSentMs) {
      lastGrantedSentMs = ledger.sentAtMs(request);
      lastGranted = request;
    }
  }
  let overtaken = 0;
  let beyondTolerance = 0;
  let largestGapMs = 0;
  let worst = -1;
  for (let request = 0; request < ledger.count; request++) {
    if (fate[request] !== FATE.refused || outcomes.code[request] !== SOLD_OUT_CODE) continue;
    const gapMs = lastGrantedSentMs - ledger.answeredAtMs(request);
    if (!(gapMs > 0)) continue;
    overtaken++;
    if (gapMs > toleranceMs) beyondTolerance++;
    if (gapMs > largestGapMs) {
      largestGapMs = gapMs;
      worst = request;
    }
  }
  const idOf = (request: number) => ledger.reservationId(request) ?? `request ${request}`;
  return result(
    'order',
    beyondTolerance === 0,
    overtaken === 0
      ? 'Nobody was refused who had been accepted before a later buyer, who got a unit, had even asked.'
      : `${plural(overtaken, 'buyer')} refused although accepted before a later buyer, who got a unit, had asked; at most ${figure(largestGapMs)} ms before (tolerated: ${figure(toleranceMs)} ms${heldUpMs > 0 ? `, of which a part stood still for ${figure(heldUpMs)} ms` : ''}).`,
    { overtaken, beyondTolerance, largestGapMs, toleranceMs },
    worst === -1 ? [] : [`${idOf(worst)} before ${idOf(lastGranted)}`],
    () =>
      witness(
        `A buyer was refused although accepted ${milliseconds(largestGapMs)} before one who got a unit had asked.`,
        ['Accepted first, and refused', 'Asked later, and granted'],
        [answerEvent(evidence, 0, worst), decisionEvent(evidence, 0, worst)],
        [requestEvent(evidence, 1, lastGranted), outcomeEvent(evidence, 1, lastGranted)],
      ),
  );
}
