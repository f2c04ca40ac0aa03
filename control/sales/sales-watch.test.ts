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

const all = Array.from({ length: 312 }, (_, index) => sale(`sale-${index}`));
const newest = all.slice(0, MAX_SHOWN_SALES);

/** A watch on a gateway that has all these sales, newest first. */
function watchOf(attacked?: string) {
  const told: SalesSeen[] = [];
  const gateway = {
    listSales: (limit: number) => Promise.resolve({ sales: all.slice(0, limit), total: all.length }),
    findSale: (id: string) => Promise.resolve(all.find((one) => one.id === id)),
  };
  const watch = new SalesWatch(
    gateway,
    () => attacked,
    (seen) => told.push(seen),
  );
  onTestFinished(() => watch.stop());
  watch.start();
  return { watch, told };
}

it('tells the newest sales and how many there are, and only when something changed', async () => {
  const { watch, told } = watchOf();
  await watch.refresh();
  await watch.refresh();
  expect(told).toEqual([{ sales: newest, total: 312 }]);
  expect(watch.latest()).toEqual(told[0]);
});

it.each([
  ['is not among the newest', 'sale-300', [sale('sale-300'), ...newest]],
  ['is among the newest', 'sale-3', newest],
  ['is gone', 'no-such-sale', newest],
])('tells the sale that is attacked once, when it %s', async (_when, attacked, sales) => {
  const { watch, told } = watchOf(attacked);
  await watch.refresh();
  expect(told).toEqual([{ sales, total: 312 }]);
});
