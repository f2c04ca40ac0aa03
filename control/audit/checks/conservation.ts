import { figure, plural } from '../../../contract/format.ts';
import type { Check } from '../../../contract/run-record.ts';
import type { Witness } from '../../../contract/witness.ts';
import { FATE, type Evidence } from '../evidence.ts';
import { holdersOf, TOLD, answerEvent, missingEvent, nameOf, witness } from '../witness.ts';
import { Offenders, result } from './check.ts';

/** Accepted = granted + refused, none pending. */
export function checkConservation(evidence: Evidence): Check {
  const { ledger, fate, outcomes, totals } = evidence;
  const pending = new Offenders();
  if (totals.pending > 0) {
    for (let request = 0; request < ledger.count; request++) {
      if (ledger.status(request) === 'accepted' && fate[request] === FATE.none)
        pending.add(
          ledger.reservationId(request) ?? `request ${request}, which was given no reservation id`,
          request,
        );
    }
  }
  const unreadable = outcomes.unreadable.length;
  const equation = `${figure(totals.accepted)} accepted = ${figure(totals.granted)} granted + ${figure(totals.refused)} refused`;
  return result(
    'conservation',
    totals.pending === 0,
    totals.pending === 0
      ? `${equation}; none is pending.`
      : `${equation} + ${plural(totals.pending, 'reservation')} without an outcome${unreadable > 0 ? ` (${plural(unreadable, 'frame record')} can't be read)` : ''}.`,
    {
      accepted: totals.accepted,
      granted: totals.granted,
      refused: totals.refused,
      pending: totals.pending,
      unreadableRecords: unreadable,
    },
    pending.list,
    () => undecided(evidence, pending.first),
  );
}

/** Witness of a request that was accepted and has no outcome. */
export function undecided(evidence: Evidence, request: number): Witness {
  const id = evidence.ledger.reservationId(request);
  return witness(
    'A buyer was accepted, and nothing says what became of it.',
    [TOLD, holdersOf(evidence).lane],
    [
      answerEvent(evidence, 0, request),
      missingEvent(
        1,
        id === undefined
          ? 'Without a reservation id neither an outcome nor a ticket can be its own.'
          : `Neither ${holdersOf(evidence).outcomes} has an outcome of reservation ${nameOf(id)}, nor ${holdersOf(evidence).tickets} a ticket.`,
      ),
    ],
  );
}
