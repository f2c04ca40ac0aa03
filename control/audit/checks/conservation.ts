import { figure, plural } from '../../../contract/format.ts';
import type { Check } from '../../../contract/run-record.ts';
import { FATE, type Evidence } from '../evidence.ts';
import { Offenders, result } from './check.ts';

/** Accepted = granted + refused, none pending. */
export function checkConservation({ ledger, fate, outcomes, totals }: Evidence): Check {
  const pending = new Offenders();
  if (totals.pending > 0) {
    for (let request = 0; request < ledger.count; request++) {
      if (ledger.status(request) === 'accepted' && fate[request] === FATE.none)
        pending.add(ledger.reservationId(request) ?? `request ${request}, which was given no reservation id`);
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
  );
}
