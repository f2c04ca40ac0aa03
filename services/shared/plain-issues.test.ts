import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import './plain-issues.ts';

const schema = z.strictObject({
  count: z.int().min(1).max(10),
  name: z
    .string()
    .min(2)
    .max(4)
    .regex(/^[a-z]+$/),
  mode: z.enum(['queue', 'shed']),
  url: z.url(),
  own: z.number({ error: 'must be ours' }),
});
const good = { count: 1, name: 'abc', mode: 'queue', url: 'http://a', own: 1 };

describe('plain messages of schemas', () => {
  it.each([
    [{ count: undefined }, 'is missing'],
    [{ count: '1' }, 'must be a number'],
    [{ count: 1.5 }, 'must be a whole number'],
    [{ count: 0 }, 'must be at least 1'],
    [{ count: 11 }, 'must be at most 10'],
    [{ name: 'a' }, 'must have at least 2 characters'],
    [{ name: 'abcde' }, 'must have at most 4 characters'],
    [{ name: 'AB' }, 'has characters that are not allowed here'],
    [{ mode: 'x' }, 'must be queue or shed'],
    [{ url: 'nonsense' }, 'must be a URL'],
    [{ own: 'x' }, 'must be ours'],
    [{ extra: 1 }, 'has no field "extra"'],
  ])('%o: %s', (change, message) => {
    expect(schema.safeParse({ ...good, ...change }).error?.issues[0]?.message).toBe(message);
  });
});
