import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fitBounds, readWindowState, writeWindowState } from './window-state.ts';

const screen = { x: 0, y: 0, width: 1_920, height: 1_080 };
const left = { x: -1_280, y: 0, width: 1_280, height: 1_024 };

describe('fitBounds', () => {
  it('opens in the middle of the first display the first time', () => {
    expect(fitBounds(undefined, [screen, left])).toEqual({ x: 280, y: 90, width: 1_360, height: 900 });
  });
  it('opens where it was, on any display', () => {
    const kept = { x: -1_000, y: 100, width: 900, height: 700 };
    expect(fitBounds(kept, [screen, left])).toEqual(kept);
  });
  it('comes back from a display that is gone', () => {
    expect(fitBounds({ x: -1_000, y: 100, width: 900, height: 700 }, [screen])).toEqual({
      x: 510,
      y: 190,
      width: 900,
      height: 700,
    });
  });
  it('comes back when its title bar is out of reach', () => {
    const reach = { width: 900, height: 700 };
    expect(fitBounds({ x: 100, y: -50, ...reach }, [screen])).toMatchObject({ x: 510, y: 190 });
    expect(fitBounds({ x: 100, y: 1_070, ...reach }, [screen])).toMatchObject({ x: 510, y: 190 });
    expect(fitBounds({ x: 1_900, y: 10, ...reach }, [screen])).toMatchObject({ x: 510, y: 190 });
  });
  it('is never larger than the display, nor too small to use', () => {
    expect(fitBounds({ x: 0, y: 0, width: 9_000, height: 9_000 }, [screen])).toMatchObject({
      width: 1_920,
      height: 1_080,
    });
    expect(fitBounds({ x: 0, y: 0, width: 1, height: 1 }, [screen])).toMatchObject({
      width: 720,
      height: 540,
    });
  });
  it('opens even where no display is told', () => {
    expect(fitBounds(undefined, [])).toEqual({ x: 0, y: 0, width: 1_360, height: 900 });
  });
});

describe('the file', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'fg-window-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('gives back what was written', () => {
    const state = { bounds: { x: 1, y: 2, width: 3, height: 4 }, isMaximized: true, isFullScreen: false };
    const path = join(dir, 'state.json');
    writeWindowState(path, state);
    expect(readWindowState(path)).toEqual(state);
  });
  it.each(['', '{', 'null', '{"bounds":{"x":"left"}}', '{"bounds":{"x":0,"y":0,"width":-5,"height":1}}'])(
    'is passed over when it holds %j',
    (text) => {
      const path = join(dir, 'state.json');
      writeFileSync(path, text);
      expect(readWindowState(path)).toBeUndefined();
    },
  );
  it('is passed over when there is none', () => {
    expect(readWindowState(join(dir, 'none.json'))).toBeUndefined();
  });
});
