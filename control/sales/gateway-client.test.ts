import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { GatewayClient } from './gateway-client.ts';

const LIMIT_MS = 200;
const EMPTY = { sales: [], total: 0 };
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/** A gateway that remembers what was asked; a frozen one takes connections and answers nothing. */
async function gateway(isFrozen = false): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (!isFrozen) response.end(JSON.stringify(EMPTY));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const clientOf = (...gateways: readonly { url: string }[]) =>
  new GatewayClient(
    () => gateways.map(({ url }) => url),
    () => 'token',
    LIMIT_MS,
  );

describe('the way into the backend', () => {
  it('goes round a gateway that is frozen, and sends it nothing that it could do later', async () => {
    const [frozen, well] = [await gateway(true), await gateway()];
    const client = clientOf(frozen, well);
    expect(await client.listSales(50)).toEqual(EMPTY);
    expect(await client.listSales(50)).toEqual(EMPTY);
    expect(frozen.asked).toEqual(['GET /healthz']);
    expect(well.asked).toEqual([
      'GET /healthz',
      'GET /sales?limit=50',
      'GET /healthz',
      'GET /sales?limit=50',
    ]);
    expect(await client.answering()).toEqual([well.url]);
  });

  it('goes on to another gateway when the one that it used freezes or is gone', async () => {
    const [first, second] = [await gateway(), await gateway()];
    const client = clientOf(first, second);
    await client.listSales(50);
    servers[0]?.close().closeAllConnections();
    expect(await client.listSales(50)).toEqual(EMPTY);
    expect(second.asked).toContain('GET /sales?limit=50');
  });

  it('asks a gateway that is alone without ado', async () => {
    const only = await gateway();
    const client = clientOf(only);
    expect(await client.listSales(50)).toEqual(EMPTY);
    expect(await client.answering()).toEqual([only.url]);
    expect(only.asked).toEqual(['GET /sales?limit=50']);
  });

  it('says that no gateway answers', async () => {
    const gone = await gateway();
    servers[0]?.close().closeAllConnections();
    await expect(clientOf(gone, gone).listSales(50)).rejects.toMatchObject({
      failure: { code: 'gateway.noAnswer' },
    });
    await expect(clientOf().listSales(50)).rejects.toMatchObject({ failure: { code: 'gateway.notRunning' } });
  });
});
