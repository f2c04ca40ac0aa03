import { describe, expect, it } from 'vitest';
import { hostCheck, isAllowedOrigin } from './host-check.ts';

describe('the Host names of a gateway on loopback', () => {
  const isAllowed = hostCheck('127.0.0.1', undefined);

  it.each([
    undefined,
    'localhost',
    'LOCALHOST:8080',
    'localhost.',
    'shop.localhost:1',
    '127.0.0.1:8080',
    '127.9.9.9',
    '[::1]:8080',
    '192.168.1.5:80',
    'gateway:8080',
  ])('may be %s, which no page can make its own', (host) => expect(isAllowed?.(host)).toBe(true));

  it.each([
    'evil.example',
    'evil.example:8080',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    'evil.example:8080:1',
    'user@localhost',
    '[::1].evil.example',
    '[evil.example]',
    '127.1',
    '',
  ])('may not be %j', (host) => expect(isAllowed?.(host)).toBe(false));

  it('are extended by those that are listed', () => {
    const listed = hostCheck('::1', 'Shop.example,www.shop.example');
    expect(['shop.example', 'SHOP.example:443', 'www.shop.example', 'a.shop.example'].map(listed!)).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(hostCheck('127.0.0.1', '*')).toBeUndefined();
  });

  it('are not judged for a gateway that is open to a network, unless they are listed', () => {
    expect(hostCheck('0.0.0.0', undefined)).toBeUndefined();
    expect(hostCheck('0.0.0.0', 'localhost')?.('evil.example')).toBe(false);
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
