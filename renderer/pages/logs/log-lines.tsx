import { memo, useEffect, useLayoutEffect, useRef, useState, type UIEvent } from 'react';
import type { LogEntry } from '../../../electron/control/contract.ts';
import { formatClock } from '../../lib/format.ts';
import { indexAt } from '../../lib/log-filter.ts';
import classes from './log-lines.module.css';

/** Rows drawn above and below what is visible. */
const OVERSCAN = 12;
/** Height of a row in rem; the projector's larger rem makes it larger too. */
const ROW_REM = 1.75;

interface LogLinesProps {
  readonly lines: readonly LogEntry[];
  /** Keeps the newest line in sight. */
  readonly isFollowing: boolean;
  /** A moment to begin at. */
  readonly markMs: number | undefined;
  /** The reader has scrolled away from the end. */
  readonly onLeaveEnd: () => void;
  /** A line's time was chosen: show the timeline from there. */
  readonly onPick: (line: LogEntry) => void;
}

function rowHeightPx(): number {
  return Math.round(ROW_REM * Number.parseFloat(getComputedStyle(document.documentElement).fontSize));
}

/** Lines of equal height, of which only those in sight are in the page. */
export function LogLines({ lines, isFollowing, markMs, onLeaveEnd, onPick }: LogLinesProps) {
  const box = useRef<HTMLDivElement>(null);
  const [scrollTop, setScrollTop] = useState(0);
  const [height, setHeight] = useState(600);
  const [rowPx, setRowPx] = useState(rowHeightPx);

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
    if (markMs !== undefined && box.current) box.current.scrollTop = indexAt(lines, markMs) * rowPx;
    // Only a new moment moves the reader, not each new line.
  }, [markMs]);

  const onScroll = (event: UIEvent<HTMLDivElement>): void => {
    const element = event.currentTarget;
    setScrollTop(element.scrollTop);
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < rowPx * 2;
    if (isFollowing && !isAtEnd) onLeaveEnd();
  };
  const first = Math.max(0, Math.floor(scrollTop / rowPx) - OVERSCAN);
  const last = Math.min(lines.length, Math.ceil((scrollTop + height) / rowPx) + OVERSCAN);
  return (
    <div ref={box} className={classes.box} onScroll={onScroll} tabIndex={0} role="region" aria-label="Lines">
      <div className={classes.spacer} style={{ height: lines.length * rowPx }}>
        <ol style={{ transform: `translateY(${first * rowPx}px)` }}>
          {lines.slice(first, last).map((line) => (
            <Row key={line.seq} line={line} rowPx={rowPx} onPick={onPick} />
          ))}
        </ol>
      </div>
    </div>
  );
}

interface RowProps {
  readonly line: LogEntry;
  readonly rowPx: number;
  readonly onPick: (line: LogEntry) => void;
}

const Row = memo(function Row({ line, rowPx, onPick }: RowProps) {
  return (
    <li className={classes.line} data-level={line.level} style={{ height: rowPx }}>
      <button
        type="button"
        className={classes.time}
        onClick={() => onPick(line)}
        title="Show the timeline from here"
      >
        {formatClock(line.atMs)}
      </button>
      <span className={classes.part}>{line.part}</span>
      <span className={classes.level}>{line.level}</span>
      <span className={classes.text} title={line.text}>
        {line.text}
      </span>
    </li>
  );
});
