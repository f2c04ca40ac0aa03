import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FailureError } from '../../contract/failure.ts';
import { declaredTargetSchema } from '../../contract/target.ts';
import { openReader, type ShopReader } from './shop-reader.ts';

let server: Server;
const asked: IncomingMessage[] = [];
/** By path: status and body. */
const answers: Record<string, [status: number, body: string]> = {
  '/owners': [200, '{"data":{"list":[{"who":"a","seat":1,"no":"x"},{"who":"b","seat":"B 2"}]}}'],
  '/text': [200, 'hello'],
  '/list': [200, '[{"buyer":"a"}]'],
  '/left': [200, '{"left":3}'],
  '/o/1%2F2': [200, '{"state":"won"}'],
  '/o/3': [200, '{"state":"queued"}'],
  '/o/4': [404, ''],
  '/reset': [204, ''],
};

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request);
    const [status, body] = answers[request.url ?? ''] ?? [500, 'broken'];
    response.writeHead(status).end(body);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterAll(() => new Promise((done) => server.close(done)));

async function readerOf(parts: object): Promise<ShopReader> {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const declared = declaredTargetSchema.parse({
    name: 'shop',
    url,
    buy: { path: '/{buyer}' },
    answers: { accepted: { status: 200 }, id: 'id' },
    owners: { path: '/owners', list: 'data.list', buyer: 'who', unit: 'seat', id: 'no' },
    stock: { path: '/left', left: 'left' },
    ...parts,
  });
  return await openReader({ file: 'shop.json', name: 'shop', url, use: { declared } });
}

/** What is told when something can't be read. */
async function complaint(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof FailureError ? error.failure.message : 'it was read';
}

it('reads owners, stock, outcomes and sends the reset, with the headers of the adapter', async () => {
  const reader = await readerOf({
    headers: { authorization: 'Bearer x' },
    outcome: { path: '/o/{id}', granted: { field: 'state', is: 'won' }, refused: { status: 404 } },
    reset: { path: '/reset' },
  });
  await reader.reset?.();
  expect(asked.at(-1)).toMatchObject({ method: 'POST', url: '/reset' });
  expect(asked.at(-1)?.headers).toMatchObject({
    authorization: 'Bearer x',
    'user-agent': 'FlashGrid (load test)',
  });
  expect(await reader.owners()).toEqual([
    { buyer: 'a', unit: '1', id: 'x' },
    { buyer: 'b', unit: 'B%202', id: '' },
  ]);
  expect(typeof reader.stock === 'function' && (await reader.stock())).toBe(3);
  const outcomes: unknown[] = [];
  for (const id of ['1/2', '3', '4']) outcomes.push(await reader.outcome?.({ id, buyer: 'a' }));
  expect(outcomes).toEqual(['granted', 'pending', 'refused']);
  expect(reader).toMatchObject({ hasIds: true, tellsSoldOut: false });
});

it('names the field of the adapter when the shop answers something else', async () => {
  const ownersOf = async (owners: object) => complaint((await readerOf({ owners })).owners());
  expect(await ownersOf({ path: '/nowhere' })).toMatch(
    /owners\.path of the adapter\): GET \/nowhere answered 500/,
  );
  expect(await ownersOf({ path: '/text' })).toMatch(/GET \/text answered 200 without JSON/);
  expect(await ownersOf({ path: '/left', list: 'left' })).toMatch(
    /the field "left" is not a list of objects/,
  );
  expect(await ownersOf({ path: '/list', buyer: 'who' })).toMatch(/an entry has no field "who"/);
  const { stock } = await readerOf({ stock: { path: '/left', left: 'rest' } });
  expect(await complaint(typeof stock === 'function' ? stock() : Promise.resolve())).toMatch(
    /stock\.left of the adapter\): the field "rest" is not a whole number/,
  );
  const { reset } = await readerOf({ reset: { path: '/nowhere' } });
  expect(await complaint(reset?.() ?? Promise.resolve())).toMatch(/reset\.path .* answered 500/);
});
