/** The kept runs, in step with what happens to them in any window or terminal. */
import { useEffect, useMemo, useState } from 'react';
import type { RunSummary } from '../../contract/state.ts';
import { client } from '../client.ts';
import { useIsOnline } from '../store/store.ts';
import { useCall } from './use-call.ts';

type Changes = ReadonlyMap<string, RunSummary | undefined>;
const NO_CHANGES: Changes = new Map();

/** All runs, in no order. They are asked for once: ten thousand are three megabytes. */
export function useRuns() {
  const { value, failure, reload } = useCall('runs.listRuns', {}, []);
  const isOnline = useIsOnline();
  const [changes, setChanges] = useState(NO_CHANGES);
  // The list that is asked for after a reconnect is newer.
  useEffect(() => setChanges(NO_CHANGES), [isOnline]);
  useEffect(() => {
    const note = (id: string, run?: RunSummary) => setChanges((before) => new Map(before).set(id, run));
    const ends = [
      client.on('runs.runSaved', ({ run }) => note(run.id, run)),
      client.on('runs.runDeleted', ({ id }) => note(id)),
    ];
    return () => ends.forEach((end) => end());
  }, []);
  const runs = useMemo(
    () => value && [...value.filter(({ id }) => !changes.has(id)), ...[...changes.values()].filter(isRun)],
    [value, changes],
  );
  return { runs, failure, reload };
}

const isRun = (run: RunSummary | undefined): run is RunSummary => run !== undefined;
