import { expect, it } from 'vitest';
import { RecentSales } from './recent-sales.ts';

it('keeps the sales with the newest frames, however many there are', () => {
  const sales = new RecentSales(3);
  for (const [id, generation] of [
    ['a', 1],
    ['b', 1],
    ['a', 2],
    ['c', 1],
    ['d', 1],
  ] as const)
    sales.note(id, generation);
  expect(sales.newestFirst()).toEqual([
    ['d', 1],
    ['c', 1],
    ['a', 2],
  ]);
});
