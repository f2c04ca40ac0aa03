import { describe, expect, it } from 'vitest';
import { throwIfUnusable } from './failures.ts';
import { literalGlob } from './redis.ts';

describe('the path of the data folder', () => {
  it.each(["/it's", '/"q"', '/a\nb', '/a\tb', '/a\x7fb'])('%j is refused, with the reason', (path) => {
    expect(() => throwIfUnusable(path)).toThrow(/can't work in it/);
  });

  it.each(['/a b', '/[x]{y}*?', '/back\\slash', '/Größe 数据', '/-dash', '/a;b&c|d'])(
    '%j is taken',
    (path) => {
      expect(() => throwIfUnusable(path)).not.toThrow();
    },
  );

  it('is never a pattern for Redis', () => {
    expect(literalGlob('/plain\\path')).toBe('/plain\\path');
    expect(literalGlob('/[x]{y}*?\\z')).toBe('/\\[x\\]{y}\\*\\?\\\\z');
  });
});
