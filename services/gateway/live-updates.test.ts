import { describe, expect, it } from 'vitest';
import { isAllowedOrigin, parseRoom } from './live-updates.ts';

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

describe('the origin of a live connection', () => {
  const allowed = (origin: string | undefined, host = 'gateway.example:8080') =>
    isAllowedOrigin({ headers: { host, ...(origin === undefined ? {} : { origin }) } });

  it('may be a program, the machine itself or the same host', () => {
    expect(allowed(undefined)).toBe(true);
    expect(allowed('http://localhost:5173')).toBe(true);
    expect(allowed('http://127.0.0.1:1')).toBe(true);
    expect(allowed('http://[::1]:1')).toBe(true);
    expect(allowed('https://gateway.example:8080')).toBe(true);
  });

  it.each([
    'https://evil.example',
    'null',
    'http://127.0.0.1.evil.example',
    'http://localhost.evil.example',
    'x',
  ])('may not be %s', (origin) => expect(allowed(origin)).toBe(false));
});
