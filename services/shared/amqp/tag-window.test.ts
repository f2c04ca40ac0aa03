import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TagWindow } from './tag-window.ts';

it('holds what a Map would, for tags that rise', () => {
  const step = fc.record({ gap: fc.integer({ min: 1, max: 3 }), deleted: fc.array(fc.nat({ max: 40 })) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const [window, map] = [new TagWindow<{ tag: number }>(), new Map<number, { tag: number }>()];
      let tag = 0;
      for (const { gap, deleted } of steps) {
        tag += gap;
        window.set(tag, { tag });
        map.set(tag, { tag });
        for (const one of deleted) expect(window.delete(one)).toBe(map.delete(one));
        expect(window.size).toBe(map.size);
        expect([...window]).toEqual([...map]);
        for (let one = 0; one <= tag + 1; one++) expect(window.get(one)).toEqual(map.get(one));
      }
    }),
  );
});

it('may lose what was seen, and more, while it is walked', () => {
  const window = new TagWindow<boolean>();
  for (const tag of [1, 2, 4, 5, 6]) window.set(tag, true);
  const seen: number[] = [];
  for (const [tag] of window) {
    seen.push(tag);
    window.delete(tag);
    window.delete(5);
  }
  expect(seen).toEqual([1, 2, 4, 6]);
  expect(window.size).toBe(0);
  window.set(7, false);
  expect([...window]).toEqual([[7, false]]);
});
