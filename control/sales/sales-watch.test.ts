import { expect, it, onTestFinished } from 'vitest';
import { saleViewSchema, type SaleView } from '../../services/shared/sales.ts';
import { MAX_SHOWN_SALES } from '../../contract/contract.ts';
import { SalesWatch, type SalesSeen } from './sales-watch.ts';

const sale = (id: string): SaleView =>
  saleViewSchema.parse({
    id,
    title: id,
    stock: 20,
    perBuyerLimit: 1,
    mode: 'queue',
    status: 'open',
    isSoldOut: false,
    generation: 1,
    counters: {
      remaining: 20,
      decided: 0,
      granted: 0,
      grantedUnits: 0,
      refused: { sold_out: 0, buyer_limit: 0, insufficient: 0, sale_closed: 0, sale_reset: 0, key_reused: 0 },
    },
  });

it('tells the newest sales and how many there are, and only when something changed', async () => {
  const told: SalesSeen[] = [];
  const all = Array.from({ length: 312 }, (_, index) => sale(`sale-${index}`));
  const watch = new SalesWatch({ listSales: () => Promise.resolve(all) }, (seen) => told.push(seen));
  onTestFinished(() => watch.stop());
  watch.start();
  await watch.refresh();
  await watch.refresh();
  expect(told).toHaveLength(1);
  expect(told[0]?.total).toBe(312);
  expect(told[0]?.sales).toEqual(all.slice(0, MAX_SHOWN_SALES));
  expect(watch.latest()).toEqual(told[0]);
});
