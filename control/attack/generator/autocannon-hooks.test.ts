import autocannon from 'autocannon';
import { describe, expect, it } from 'vitest';
import { startServer } from '../../../tests/support/misbehaving-server.ts';
import { asAutocannonClient } from './autocannon-hooks.ts';

describe('the installed autocannon', () => {
  it('is built as the hooks need it', async () => {
    const server = await startServer((_, response) => response.end('{}'));
    try {
      const clients: unknown[] = [];
      const options = {
        url: `${server.url}/reserve`,
        connections: 1,
        amount: 1,
        sampleInt: 10,
        method: 'POST' as const,
        body: '{"saleId":"a","userId":"b"}',
        setupClient: (client: unknown) => clients.push(asAutocannonClient(client)),
      };
      await autocannon(options);
      expect(clients).toHaveLength(1);
    } finally {
      await server.close();
    }
  });

  it('is refused with a fix when a part is missing', () => {
    expect(() => asAutocannonClient({ _connect: () => undefined })).toThrow(
      expect.objectContaining({ failure: expect.objectContaining({ code: 'attack.autocannonChanged' }) }),
    );
  });
});
