import { Button, Group, Stack } from '@mantine/core';
import { memo, useLayoutEffect, useState, type KeyboardEvent, type UIEvent } from 'react';
import type { LogEntry } from '../../../contract/state.ts';
import { formatClock } from '../../lib/format.ts';
import { indexAt } from '../../lib/log-filter.ts';
import { rowAfterKey, useRows } from '../../lib/use-rows.ts';
import classes from './log-lines.module.css';

/** Height of a row in rem, so that it grows in projector mode. */
const ROW_REM = 1.75;
/** Rows above the marked one that stay visible. */
const LEAD_ROWS = 4;

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

/** A virtual list of lines of equal height; one line can be opened in full. */
export function LogLines({ lines, isFollowing, markMs, onLeaveEnd, onPick }: LogLinesProps) {
  const { box, rowPx, height, top, first, last, onScroll, focusRow } = useRows(lines.length, ROW_REM);
  const [activeSeq, setActiveSeq] = useState<number>();
  const [open, setOpen] = useState<LogEntry>();
  const markedSeq = markMs === undefined ? undefined : lines[indexAt(lines, markMs)]?.seq;

  useLayoutEffect(() => {
    if (isFollowing && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [isFollowing, lines, height]);
  useLayoutEffect(() => {
    if (markMs !== undefined && box.current)
      box.current.scrollTop = Math.max(0, indexAt(lines, markMs) - LEAD_ROWS) * rowPx;
    // Scrolls for a new moment only, not for each new line.
  }, [markMs]);

  const drawn = lines.slice(first, last);
  // One line is the tab stop, and arrow keys reach the others: the active one, else the marked one,
  // else the first visible one.
  const stopSeq =
    [activeSeq, markedSeq].find((seq) => drawn.some((line) => line.seq === seq)) ??
    lines[Math.min(lines.length - 1, top)]?.seq;
  const follow = (event: UIEvent<HTMLDivElement>): void => {
    const element = event.currentTarget;
    onScroll(event);
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < rowPx * 2;
    if (isFollowing && !isAtEnd) onLeaveEnd();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const at = lines.findIndex(({ seq }) => seq === stopSeq);
    const to = rowAfterKey(event.key, at, lines.length);
    const line = to === undefined ? undefined : lines[to];
    if (to === undefined || !line) return;
    event.preventDefault();
    onLeaveEnd();
    setActiveSeq(line.seq);
    focusRow(to, line.seq);
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
        onScroll={follow}
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
          data-row={line.seq}
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
