import { useCallback, useEffect, useState } from 'react';
import type { RunSummary } from '../../contract/state.ts';
import type { Failure } from '../../contract/failure.ts';
import { call } from '../client.ts';
import { useData, useIsOnline } from '../store/store.ts';
import { OFFLINE } from './offline.ts';

export interface Runs {
  readonly runs: readonly RunSummary[] | undefined;
  readonly failure: Failure | undefined;
  readonly reload: () => void;
}

/** The runs that match a search; read again when a run is saved or deleted. */
export function useRuns(search: string): Runs {
  const savedId = useData((data) => data.savedRun?.id);
  const deletedIds = useData((data) => data.deletedRunIds);
  const isOnline = useIsOnline();
  const [runs, setRuns] = useState<readonly RunSummary[]>();
  const [failure, setFailure] = useState<Failure>();
  const [version, setVersion] = useState(0);
  useEffect(() => {
    if (!isOnline) return;
    let isCurrent = true;
    void call('runs.listRuns', { search }).then((result) => {
      // An older search must not overwrite a newer one.
      if (!isCurrent) return;
      setFailure(result.ok ? undefined : result.error);
      if (result.ok) setRuns(result.value);
    });
    return () => {
      isCurrent = false;
    };
  }, [search, savedId, deletedIds, isOnline, version]);
  const reload = useCallback(() => setVersion((before) => before + 1), []);
  return { runs, failure: failure ?? (!runs && !isOnline ? OFFLINE : undefined), reload };
}
