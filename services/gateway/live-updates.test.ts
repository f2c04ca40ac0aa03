import { describe, expect, it } from 'vitest';
import { parseRoom } from './live-updates.ts';

describe('the name of a room', () => {
  it('is that of a sale or of a reservation', () => {
    expect(parseRoom('sale:demo')).toMatchObject({ kind: 'sale', saleId: 'demo' });
    expect(parseRoom('reservation:demo.abcdefgh-1z.7')).toMatchObject({
      kind: 'reservation',
      ref: { kind: 'framed', frameId: 'abcdefgh-1z', index: 7 },
    });
  });

  it.each([
    'demo',
    'sale:',
    'sale:Demo',
    'sale:a b',
    'reservation:demo',
    'reservation:',
    `sale:${'a'.repeat(200)}`,
    'T3kN-socketid',
    7,
    null,
    { toString: () => 'sale:demo' },
  ])('%j is refused', (room) => {
    expect(parseRoom(room)).toBeUndefined();
  });
});
