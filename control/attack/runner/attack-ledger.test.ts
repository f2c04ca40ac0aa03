import { describe, expect, it } from 'vitest';
import { AttackLedger } from './attack-ledger.ts';
import { shareOf, type ColumnsMessage } from '../protocol/generator-messages.ts';
import { RequestLog } from '../protocol/request-log.ts';
import { userIdFor } from '../protocol/user-ids.ts';

const columnsOf = (log: RequestLog, first: number, end: number): ColumnsMessage => ({
  type: 'columns',
  first,
  status: log.columns.status.slice(first, end),
  httpStatus: log.columns.httpStatus.slice(first, end),
  sentUs: log.columns.sentUs.slice(first, end),
  answeredUs: log.columns.answeredUs.slice(first, end),
  prefix: log.columns.prefix.slice(first, end),
  place: log.columns.place.slice(first, end),
});

describe('the ledger of an attack', () => {
  it('gives back what the processes noted, in the order of the whole attack', () => {
    const ledger = new AttackLedger(10, 3, { seed: 5, buyer: (index) => index });
    for (let part = 0; part < 3; part++) {
      const log = new RequestLog(shareOf(10, part, 3));
      for (let row = 0; row < log.columns.status.length; row++) {
        const index = row * 3 + part;
        log.recordSent(row, index * 1_000);
        if (index % 4 === 3) log.recordUnknown(row);
        else if (index % 4 === 2) log.recordAnswer(row, 'rejected', 503, index * 1_000 + 500);
        else {
          log.recordAnswer(row, 'accepted', 202, index * 1_000 + 250);
          log.recordReservation(row, `sale.frame${part}-a.${index}`);
        }
      }
      ledger.addPrefixes(part, log.prefixes.encode());
      ledger.addColumns(part, columnsOf(log, 0, 2));
      ledger.addColumns(part, columnsOf(log, 2, 10));
    }
    for (let index = 0; index < 10; index++) {
      const isAccepted = index % 4 < 2;
      expect(ledger.userId(index)).toBe(userIdFor(5, index));
      expect(ledger.status(index)).toBe(['accepted', 'accepted', 'rejected', 'unknown'][index % 4]);
      expect(ledger.httpStatus(index)).toBe([202, 202, 503, 0][index % 4]);
      expect(ledger.sentAtMs(index)).toBe(index);
      expect(ledger.answeredAtMs(index)).toBe(
        [index + 0.25, index + 0.25, index + 0.5, Number.NaN][index % 4],
      );
      expect(ledger.reservationId(index)).toBe(isAccepted ? `sale.frame${index % 3}-a.${index}` : undefined);
    }
    expect(ledger.totals()).toEqual({ accepted: 6, rejected: 2, unknown: 2, unsent: 0 });
  });

  it('keeps any reservation id as it came, framed or not', () => {
    const ids = [
      'sale.gateway1-0.0',
      'sale.gateway1-0.511',
      'sale.gateway1-0.007',
      'sale.gateway1-0.65534',
      'sale.gateway1-0.65535',
      'sale.gateway1-0.99999999',
      'sale.k.dGVzdC1kaWdlc3QtMTI4LWI',
      'no-dots-at-all',
      'ends.with.a.dot.',
      '.5',
      '7',
    ];
    const log = new RequestLog(ids.length);
    ids.forEach((id, row) => log.recordReservation(row, id));
    const ledger = new AttackLedger(ids.length, 1, { seed: 1, buyer: (index) => index });
    ledger.addPrefixes(0, log.prefixes.encode());
    ledger.addColumns(0, columnsOf(log, 0, ids.length));
    expect(ids.map((_, row) => ledger.reservationId(row))).toEqual(ids);
  });

  it('shares one text among the reservations of a frame, and stays sound beyond those it remembers', () => {
    const count = 50_000;
    const log = new RequestLog(count);
    const idOf = (row: number) => `sale.gateway1-${Math.floor(row / 5).toString(36)}.${row % 5}`;
    for (let row = 0; row < count; row++) log.recordReservation(row, idOf(row));
    expect(log.prefixes.count).toBe(count / 5);
    const ledger = new AttackLedger(count, 1, { seed: 1, buyer: (index) => index });
    ledger.addPrefixes(0, log.prefixes.encode());
    ledger.addColumns(0, columnsOf(log, 0, count));
    for (let row = 0; row < count; row += 7) expect(ledger.reservationId(row)).toBe(idOf(row));
  });

  it('refuses columns out of order, too many, or for nobody', () => {
    const log = new RequestLog(4);
    const ledger = new AttackLedger(4, 1, { seed: 1, buyer: (index) => index });
    expect(() => ledger.addColumns(0, columnsOf(log, 2, 4))).toThrow(/not the next ones/);
    expect(() => ledger.addColumns(1, columnsOf(log, 0, 4))).toThrow(/does not exist/);
    ledger.addColumns(0, columnsOf(log, 0, 4));
    expect(() => ledger.addColumns(0, { ...columnsOf(log, 0, 4), first: 4 })).toThrow(/not the next ones/);
    expect(() => ledger.status(4)).toThrow(RangeError);
    expect(ledger.totals().unsent).toBe(4);
  });
});
