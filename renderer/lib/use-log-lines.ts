/** Log lines for a filter: the past is asked for, what arrives is added, and the list never grows past MAX_LINES. */
import { useCallback, useEffect, useMemo, useState } from 'react';
import type { LogEntry } from '../../electron/control/contract.ts';
import type { Failure } from '../../electron/control/cluster/cluster.ts';
import { call } from '../client.ts';
import { useData, useIsOnline } from '../store/store.ts';
import { joinLines, matches, type LogFilter } from './log-filter.ts';

const MAX_LINES = 5_000;
const ASKED_LINES = 2_000;
const NO_LINES: readonly LogEntry[] = [];

export interface LogLines {
  readonly lines: readonly LogEntry[] | undefined;
  /** Every part that has ever logged. */
  readonly allParts: readonly string[];
  readonly total: number;
  readonly failure: Failure | undefined;
  readonly reload: () => void;
}

/** @param fromMs only lines from this moment on, and no new ones: the reader looks at the past */
export function useLogLines(filter: LogFilter, fromMs: number | undefined): LogLines {
  const arrived = useData((data) => data.logs) ?? NO_LINES;
  const isOnline = useIsOnline();
  const [past, setPast] = useState<readonly LogEntry[]>();
  const [allParts, setAllParts] = useState<readonly string[]>([]);
  const [total, setTotal] = useState(0);
  const [failure, setFailure] = useState<Failure>();
  const [version, setVersion] = useState(0);

  useEffect(() => {
    if (!isOnline) return;
    let isCurrent = true;
    const input = {
      parts: [...filter.parts],
      minLevel: filter.minLevel,
      text: filter.text,
      limit: ASKED_LINES,
      ...(fromMs === undefined ? {} : { fromMs }),
    };
    void call('logs.listLines', input).then((result) => {
      if (!isCurrent) return;
      setFailure(result.ok ? undefined : result.error);
      if (!result.ok) return;
      setPast(result.value.lines);
      setAllParts(result.value.parts);
      setTotal(result.value.total);
    });
    return () => {
      isCurrent = false;
    };
  }, [filter, fromMs, isOnline, version]);

  const lines = useMemo(() => {
    if (!past || fromMs !== undefined) return past;
    return joinLines(
      past,
      arrived.filter((line) => matches(line, filter)),
      MAX_LINES,
    );
  }, [past, arrived, filter, fromMs]);
  const parts = useMemo(() => {
    const known = new Set(allParts);
    const fresh = new Set(arrived.map(({ part }) => part).filter((part) => !known.has(part)));
    return fresh.size === 0 ? allParts : [...allParts, ...fresh];
  }, [allParts, arrived]);
  const reload = useCallback(() => setVersion((before) => before + 1), []);
  return { lines, allParts: parts, total, failure, reload };
}
