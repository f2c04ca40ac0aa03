import { figure, plural } from '../../../contract/format.ts';
import type { Check } from '../../../contract/run-record.ts';
import type { Evidence } from '../evidence.ts';
import {
  PROMISED,
  answerEvent,
  countEvent,
  holdersOf,
  nameOf,
  pairOf,
  promiseEvent,
  rowEvent,
  witness,
} from '../witness.ts';
import { Offenders, result } from './check.ts';

/** Tickets ≤ stock, each unit number within 1..stock and sold once. */
export function checkNoOversell(evidence: Evidence): Check {
  const { sale, tickets } = evidence;
  const nameFor = (unit: number) => `unit ${evidence.shop?.unitName(unit) ?? unit}`;
  const sold = new Uint8Array(sale.stock + 1);
  const outOfRange = new Offenders();
  const soldTwice = new Offenders();
  tickets.unitNo.forEach((unit, ticket) => {
    if (unit < 1 || unit > sale.stock) outOfRange.add(nameFor(unit), ticket);
    else if (sold[unit] === 1) soldTwice.add(nameFor(unit), ticket);
    else sold[unit] = 1;
  });
  const beyondStock = Math.max(0, tickets.count - sale.stock);
  const ok = beyondStock === 0 && outOfRange.count === 0 && soldTwice.count === 0;
  return result(
    'no_oversell',
    ok,
    ok
      ? evidence.shop
        ? `${plural(tickets.count, 'unit')} with an owner, of ${figure(sale.stock)}; none is sold twice.`
        : `${plural(tickets.count, 'ticket')} for ${plural(sale.stock, 'unit')}; all unit numbers are distinct and within 1..${figure(sale.stock)}.`
      : evidence.shop
        ? `${plural(tickets.count, 'unit')} with an owner, of ${figure(sale.stock)}: ${figure(beyondStock)} beyond the stock, ${figure(soldTwice.count)} sold twice.`
        : `${plural(tickets.count, 'ticket')} for ${plural(sale.stock, 'unit')}: ${figure(beyondStock)} beyond the stock, ${figure(soldTwice.count)} sold twice, ${figure(outOfRange.count)} with a number outside 1..${figure(sale.stock)}.`,
    {
      tickets: tickets.count,
      stock: sale.stock,
      beyondStock,
      soldTwice: soldTwice.count,
      outOfRange: outOfRange.count,
    },
    [...outOfRange.list, ...soldTwice.list],
    // More tickets than units always share a unit, or have one that does not exist.
    () => (soldTwice.count > 0 ? twice(evidence, soldTwice.first) : beyond(evidence, outOfRange.first)),
  );
}

function twice(evidence: Evidence, second: number) {
  const unit = evidence.tickets.unitNo[second] ?? 0;
  const first = evidence.tickets.unitNo.indexOf(unit);
  const { shop } = evidence;
  if (shop) {
    // Its rows have no time; the answers to those who own them do.
    const told = (lane: 0 | 1, ticket: number) => {
      const subject = evidence.join.subjectOfTicket[ticket] ?? -1;
      const isRequest = subject >= 0 && subject < evidence.ledger.count;
      return [...(isRequest ? [answerEvent(evidence, lane, subject)] : []), rowEvent(evidence, lane, ticket)];
    };
    return witness(
      `Unit ${nameOf(shop.unitName(unit) ?? '')} was sold twice.`,
      ['One owner of the unit', 'Another owner of the unit'],
      told(0, first),
      told(1, second),
    );
  }
  return witness(
    `Unit ${unit} was sold twice.`,
    ['One ticket of the unit', 'Another ticket of the unit'],
    ...pairOf(rowEvent(evidence, 0, first), rowEvent(evidence, 1, second)),
  );
}

function beyond(evidence: Evidence, ticket: number) {
  const { sale, tickets, shop } = evidence;
  if (shop)
    return witness(
      `More units are owned than there are: ${figure(tickets.count)} of ${figure(sale.stock)}.`,
      [PROMISED, holdersOf(evidence).lane],
      [promiseEvent(0, `The stock is ${plural(sale.stock, 'unit')}.`)],
      [
        countEvent(
          1,
          `${plural(tickets.count, 'unit')} with an owner, the last in the list ${nameOf(tickets.userId.at(-1) ?? '')}.`,
        ),
      ],
    );
  return witness(
    `Unit ${tickets.unitNo[ticket] ?? 0} was sold, which is not in stock.`,
    [PROMISED, holdersOf(evidence).lane],
    [promiseEvent(0, `The stock is ${plural(sale.stock, 'unit')}: numbers 1 to ${sale.stock}.`)],
    [rowEvent(evidence, 1, ticket)],
  );
}
