/** The adapter of shop.py as a module: for a shop that a declarative file can't describe. docs/any-shop.md explains it. */
const SHOP = process.env.SHOP_URL ?? 'http://127.0.0.1:8000';
const get = async (path) => (await fetch(SHOP + path)).json();

export const name = 'shop.py';
export const url = SHOP;
export const limit = 1;

/** What a buyer sends. Both are eight letters and digits. */
export const request = ({ buyer, request }) => ({
  method: 'POST',
  path: '/buy',
  headers: { 'content-type': 'application/json', 'idempotency-key': request },
  body: JSON.stringify({ buyer }),
});

/** What the answer means: 'accepted', 'soldOut', 'refused' or 'error'; with `unit` and `id` where it has them. */
export const classify = ({ status, body }) => {
  if (status === 409) return 'soldOut';
  return status === 201 ? { told: 'accepted', unit: JSON.parse(body).seat } : 'error';
};

/** Who owns what. */
export const owners = async () =>
  (await get('/tickets')).tickets.map(({ buyer, seat }) => ({ buyer, unit: seat }));

/** Units left; before the attack, all that are on sale. */
export const stock = async () => (await get('/stock')).left;

/** Empties the sale before the attack. */
export const reset = () => fetch(`${SHOP}/reset`, { method: 'POST' });
