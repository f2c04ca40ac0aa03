/**
 * Log lines for a filter: loads earlier lines, appends new ones, and keeps at most MAX_LINES. The control centre thins
 * out a flood on its way to the frontend, but stores every line; so after a gap the lines are loaded again.
 */
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { LogEntry } from '../../contract/state.ts';
import type { Failure } from '../../contract/failure.ts';
import { call } from '../client.ts';
import { useData, useIsOnline } from '../store/store.ts';
import { joinLines, linesSince, matcherOf, type LogFilter } from './log-filter.ts';
import { OFFLINE } from './offline.ts';

const MAX_LINES = 5_000;
const LOADED_LINES = 2_000;
/** ms between a gap and the reload that closes it, so that a flood causes no flood of requests. */
const GAP_RELOAD_MS = 1_000;
const NO_LINES: readonly LogEntry[] = [];

interface Loaded {
  readonly filter: LogFilter;
  readonly aroundMs: number | undefined;
  readonly lines: readonly LogEntry[];
  readonly total: number;
  readonly keptFromMs: number;
}

export interface LogLines {
  readonly lines: readonly LogEntry[] | undefined;
  /** Every part that has ever logged. */
  readonly allParts: readonly string[];
  readonly total: number;
  /** Earlier lines are no longer stored. */
  readonly keptFromMs: number | undefined;
  readonly failure: Failure | undefined;
  readonly reload: () => void;
}

/** @param aroundMs loads the lines around this moment, and appends no new ones */
export function useLogLines(filter: LogFilter, aroundMs: number | undefined): LogLines {
  const arrived = useData((data) => data.logs) ?? NO_LINES;
  const isOnline = useIsOnline();
  const [loaded, setLoaded] = useState<Loaded>();
  const [allParts, setAllParts] = useState<readonly string[]>([]);
  const [failure, setFailure] = useState<Failure>();
  const [version, setVersion] = useState(0);
  /** Number of the newest line seen, matching or not. */
  const lastSeq = useRef(0);
  const reload = useCallback(() => setVersion((before) => before + 1), []);

  useEffect(() => {
    if (!isOnline) return;
    let isCurrent = true;
    const input = {
      parts: [...filter.parts],
      minLevel: filter.minLevel,
      text: filter.text,
      limit: LOADED_LINES,
      ...(aroundMs === undefined ? {} : { aroundMs }),
    };
    void call('logs.listLines', input).then((result) => {
      if (!isCurrent) return;
      setFailure(result.ok ? undefined : result.error);
      if (!result.ok) return;
      const { lines, parts, total, keptFromMs } = result.value;
      lastSeq.current = result.value.lastSeq;
      setLoaded({ filter, aroundMs, lines, total, keptFromMs });
      setAllParts(parts);
    });
    return () => {
      isCurrent = false;
    };
  }, [filter, aroundMs, isOnline, version]);

  const matches = useMemo(() => matcherOf(filter), [filter]);
  const gapTimer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(gapTimer.current), []);
  const isLive = loaded !== undefined && loaded.aroundMs === undefined && loaded.filter === filter;
  useEffect(() => {
    if (!isLive) return;
    const { fresh, isGap } = linesSince(arrived, lastSeq.current);
    const newest = fresh.at(-1);
    if (!newest) return;
    lastSeq.current = newest.seq;
    if (isGap) {
      gapTimer.current ??= setTimeout(() => {
        gapTimer.current = undefined;
        reload();
      }, GAP_RELOAD_MS);
    }
    const added = fresh.filter(matches);
    const parts = fresh.map(({ part }) => part);
    setAllParts((known) =>
      parts.every((part) => known.includes(part)) ? known : [...new Set([...known, ...parts])],
    );
    if (added.length === 0) return;
    setLoaded((before) =>
      before === undefined
        ? before
        : {
            ...before,
            lines: joinLines(before.lines, added, MAX_LINES),
            total: before.total + added.length,
          },
    );
  }, [arrived, isLive, matches, reload]);

  // Lines of another moment are never shown. Lines of another filter stay until the new ones arrive.
  const shown = loaded?.aroundMs === aroundMs ? loaded : undefined;
  return {
    lines: shown?.lines,
    allParts,
    total: shown?.total ?? 0,
    keptFromMs: shown?.keptFromMs,
    failure: failure ?? (shown === undefined && !isOnline ? OFFLINE : undefined),
    reload,
  };
}
