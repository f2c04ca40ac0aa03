import { Button, Group, Stack } from '@mantine/core';
import { memo, useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent, type UIEvent } from 'react';
import type { LogEntry } from '../../../contract/state.ts';
import { formatClock } from '../../lib/format.ts';
import { indexAt } from '../../lib/log-filter.ts';
import classes from './log-lines.module.css';

/** Rows drawn above and below what is visible. */
const OVERSCAN = 12;
/** Height of a row in rem, so that it grows in projector mode. */
const ROW_REM = 1.75;
/** Rows above the marked one that stay visible. */
const LEAD_ROWS = 4;
const PAGE_ROWS = 15;

interface LogLinesProps {
  readonly lines: readonly LogEntry[];
  /** Keeps the newest line visible. */
  readonly isFollowing: boolean;
  /** The moment to start at; the first line from then on is marked. */
  readonly markMs: number | undefined;
  /** Called when the user scrolls away from the end. */
  readonly onLeaveEnd: () => void;
  /** Called with the line whose moment the user wants to see. */
  readonly onPick: (line: LogEntry) => void;
}

function rowHeightPx(): number {
  return Math.round(ROW_REM * Number.parseFloat(getComputedStyle(document.documentElement).fontSize));
}

/** A virtual list of lines of equal height; one line can be opened in full. */
export function LogLines({ lines, isFollowing, markMs, onLeaveEnd, onPick }: LogLinesProps) {
  const box = useRef<HTMLDivElement>(null);
  const [scrollTop, setScrollTop] = useState(0);
  const [height, setHeight] = useState(600);
  const [rowPx, setRowPx] = useState(rowHeightPx);
  const [activeSeq, setActiveSeq] = useState<number>();
  const [open, setOpen] = useState<LogEntry>();
  const wantsFocus = useRef(false);
  const markedSeq = markMs === undefined ? undefined : lines[indexAt(lines, markMs)]?.seq;

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      setHeight(element.clientHeight);
      setRowPx(rowHeightPx());
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (isFollowing && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [isFollowing, lines, height]);
  useLayoutEffect(() => {
    if (markMs !== undefined && box.current)
      box.current.scrollTop = Math.max(0, indexAt(lines, markMs) - LEAD_ROWS) * rowPx;
    // Scrolls for a new moment only, not for each new line.
  }, [markMs]);

  const first = Math.max(0, Math.floor(scrollTop / rowPx) - OVERSCAN);
  const last = Math.min(lines.length, Math.ceil((scrollTop + height) / rowPx) + OVERSCAN);
  const drawn = lines.slice(first, last);
  // One line is the tab stop, and arrow keys reach the others: the active one, else the marked one,
  // else the first visible one.
  const stopSeq =
    [activeSeq, markedSeq].find((seq) => drawn.some((line) => line.seq === seq)) ??
    lines[Math.min(lines.length - 1, Math.ceil(scrollTop / rowPx))]?.seq;
  useLayoutEffect(() => {
    if (!wantsFocus.current) return;
    const row = box.current?.querySelector<HTMLElement>(`[data-seq="${activeSeq}"]`);
    if (!row) return;
    wantsFocus.current = false;
    row.focus({ preventScroll: true });
  }, [activeSeq, scrollTop]);

  const onScroll = (event: UIEvent<HTMLDivElement>): void => {
    const element = event.currentTarget;
    setScrollTop(element.scrollTop);
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < rowPx * 2;
    if (isFollowing && !isAtEnd) onLeaveEnd();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const element = box.current;
    const at = lines.findIndex(({ seq }) => seq === stopSeq);
    const to = targetOf(event.key, at, lines.length);
    const line = to === undefined ? undefined : lines[to];
    if (!element || to === undefined || !line) return;
    event.preventDefault();
    onLeaveEnd();
    wantsFocus.current = true;
    setActiveSeq(line.seq);
    const top = to * rowPx;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + rowPx > element.scrollTop + element.clientHeight)
      element.scrollTop = top + rowPx - element.clientHeight;
  };
  const toggle = (line: LogEntry): void => {
    setActiveSeq(line.seq);
    setOpen((before) => (before?.seq === line.seq ? undefined : line));
  };
  return (
    <Stack gap={0} h="100%">
      <div
        ref={box}
        className={classes.box}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
        tabIndex={0}
        role="region"
        aria-label="Lines"
      >
        <div className={classes.spacer} style={{ height: lines.length * rowPx }}>
          <ol style={{ transform: `translateY(${first * rowPx}px)` }}>
            {drawn.map((line) => (
              <Row
                key={line.seq}
                line={line}
                rowPx={rowPx}
                isMarked={line.seq === markedSeq}
                isOpen={line.seq === open?.seq}
                isStop={line.seq === stopSeq}
                onToggle={toggle}
              />
            ))}
          </ol>
        </div>
      </div>
      {open ? (
        <section className={classes.whole} aria-label="The whole line">
          <p className={`mono wrapped ${classes.wholeText}`} role="status">
            {open.text}
          </p>
          <Group gap="xs">
            <Button size="compact-sm" variant="default" onClick={() => onPick(open)}>
              Show the timeline from here
            </Button>
            <Button size="compact-sm" variant="default" onClick={() => setOpen(undefined)}>
              Close
            </Button>
          </Group>
        </section>
      ) : null}
    </Stack>
  );
}

/** The line that a key moves to; undefined for other keys. */
function targetOf(key: string, at: number, count: number): number | undefined {
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

interface RowProps {
  readonly line: LogEntry;
  readonly rowPx: number;
  readonly isMarked: boolean;
  readonly isOpen: boolean;
  readonly isStop: boolean;
  readonly onToggle: (line: LogEntry) => void;
}

const Row = memo(
  function Row({ line, rowPx, isMarked, isOpen, isStop, onToggle }: RowProps) {
    return (
      <li
        className={classes.line}
        data-level={line.level}
        data-marked={isMarked}
        aria-current={isMarked || undefined}
        style={{ height: rowPx }}
        onClick={() => onToggle(line)}
      >
        <button
          type="button"
          className={classes.time}
          data-seq={line.seq}
          tabIndex={isStop ? 0 : -1}
          aria-expanded={isOpen}
          aria-label={`${formatClock(line.atMs)}, the whole line`}
        >
          {formatClock(line.atMs)}
        </button>
        <span className={classes.part}>{line.part}</span>
        <span className={classes.level}>{line.level}</span>
        <span className={classes.text}>{line.text}</span>
      </li>
    );
  },
  // Ignores onToggle: it is a new function with each update of the list, but does the same.
  (before, after) =>
    before.line === after.line &&
    before.rowPx === after.rowPx &&
    before.isMarked === after.isMarked &&
    before.isOpen === after.isOpen &&
    before.isStop === after.isStop,
);
