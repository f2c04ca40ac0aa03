import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dataOf, notJudgedWith, parseAdapter, unfitForOthers } from './adapter.ts';
import { attackSettingsSchema, type AttackSettingsInput } from './attack-settings.ts';
import { FailureError } from './failure.ts';

const text = readFileSync(join(resolve(import.meta.dirname, '../docs'), 'examples/shop.json'), 'utf8');

describe('an adapter that a page was given', () => {
  it('gets no variable of the environment, which the page could read or send somewhere', () => {
    const asking = text.replace('"name": "shop.py"', '"name": "${PATH}"');
    const complaint = () => {
      try {
        return parseAdapter('shop.json', asking).name;
      } catch (error) {
        return error instanceof FailureError ? error.failure.message : error;
      }
    };
    expect(complaint()).toMatch(
      /^shop\.json: name names the environment variable PATH, and a page gets none\./,
    );
    expect(parseAdapter('shop.json', asking, { PATH: 'mine' }).name).toBe('mine');
    expect(() => parseAdapter('shop.json', asking.replace('PATH', 'constructor'), {})).toThrow(FailureError);
  });

  it('tells before the attack what can not be judged', () => {
    const { use } = parseAdapter('shop.json', text);
    if (!('declared' in use)) throw new Error('it is declared');
    expect(Object.keys(notJudgedWith(dataOf(use.declared)))).toEqual([
      'queues_empty',
      'conservation',
      'order',
    ]);
    const poor = { ...use.declared, stock: 20, limit: undefined };
    expect(Object.keys(notJudgedWith(dataOf(poor)))).toEqual([
      ...['queues_empty', 'conservation', 'order', 'stock_balance', 'buyer_limit'],
    ]);
  });
});

it('takes no setting of our own shop for another one', () => {
  const unfit = (given: Partial<AttackSettingsInput>) =>
    unfitForOthers(attackSettingsSchema.parse({ profile: 'burst', ...given }))?.field;
  expect(unfit({})).toBeUndefined();
  expect(unfit({ faults: 'kill:redis@1s' })).toBeUndefined();
  expect(unfit({ faults: 'cut:buyers-gateway@1s' })).toBe('faults');
  expect(unfit({ sales: 2 })).toBe('sales');
  expect(unfit({ mode: 'shed' })).toBe('mode');
  expect(unfit({ keys: 'own' })).toBe('keys');
  expect(unfit({ behaviours: 'retry:5%' })).toBe('behaviours');
  expect(unfit({ slo: 'time_to_sold_out<2s' })).toBe('slo');
});
