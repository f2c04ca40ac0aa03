/** Which rows of a long list are drawn: those in sight, and some above and below. All rows have the same height. */
import { useEffect, useLayoutEffect, useRef, useState, type UIEvent } from 'react';

/** Rows drawn above and below what is visible. */
const OVERSCAN = 12;
/** Rows that a page key moves by. */
const PAGE_ROWS = 15;

/** @param rowRem height of a row in rem, so that it grows in projector mode */
export function useRows(count: number, rowRem: number) {
  const toPx = (): number =>
    Math.round(rowRem * Number.parseFloat(getComputedStyle(document.documentElement).fontSize));
  const box = useRef<HTMLDivElement>(null);
  const wanted = useRef<string>(undefined);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const [rowPx, setRowPx] = useState(toPx);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      setHeight(element.clientHeight);
      setRowPx(toPx());
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (wanted.current === undefined) return;
    const row = box.current?.querySelector<HTMLElement>(`[data-row="${wanted.current}"]`);
    if (!row) return;
    wanted.current = undefined;
    row.focus({ preventScroll: true });
  });
  return {
    box,
    rowPx,
    height,
    /** The first row that is visible as a whole. */
    top,
    first: Math.max(0, Math.min(count, top) - 1 - OVERSCAN),
    last: Math.min(count, top + Math.ceil(height / rowPx) + OVERSCAN),
    onScroll: ({ currentTarget }: UIEvent<HTMLElement>) => setTop(Math.ceil(currentTarget.scrollTop / rowPx)),
    /** Scrolls to a row, and moves the focus to what has its key as `data-row`. */
    focusRow: (row: number, key: string | number, headPx = 0): void => {
      const element = box.current;
      if (!element) return;
      wanted.current = String(key);
      const rowTop = row * rowPx;
      if (rowTop < element.scrollTop) element.scrollTop = rowTop;
      else if (rowTop + rowPx > element.scrollTop + element.clientHeight - headPx)
        element.scrollTop = rowTop + rowPx - element.clientHeight + headPx;
    },
  };
}

/** The row that a key moves to; undefined for other keys. */
export function rowAfterKey(key: string, at: number, count: number): number | undefined {
  const steps: Readonly<Record<string, number>> = {
    ArrowUp: -1,
    ArrowDown: 1,
    PageUp: -PAGE_ROWS,
    PageDown: PAGE_ROWS,
    Home: -count,
    End: count,
  };
  const step = steps[key];
  return step === undefined ? undefined : Math.min(count - 1, Math.max(0, at + step));
}
