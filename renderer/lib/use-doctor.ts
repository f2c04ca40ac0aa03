import { useCallback, useEffect, useState } from 'react';
import type { Diagnosis } from '../../contract/state.ts';
import type { Failure } from '../../contract/failure.ts';
import { call } from '../client.ts';
import { useData, useIsOnline } from '../store/store.ts';
import { OFFLINE } from './offline.ts';

export interface Doctor {
  readonly diagnosis: Diagnosis | undefined;
  readonly failure: Failure | undefined;
  readonly isBusy: boolean;
  readonly run: () => Promise<void>;
}

/** The findings of the doctor: read on mount, after a change of the provider, and on request. */
export function useDoctor(): Doctor {
  const [diagnosis, setDiagnosis] = useState<Diagnosis>();
  const [failure, setFailure] = useState<Failure>();
  const [isBusy, setBusy] = useState(false);
  const isOnline = useIsOnline();
  // The findings depend on these settings. The page can't see a changed password of an external URL,
  // so each save counts as a change.
  const needs = useData(({ settings }) => (settings.provider === 'external' ? settings : settings.provider));
  const run = useCallback(async () => {
    setBusy(true);
    const result = await call('doctor.runChecks', {});
    setBusy(false);
    setFailure(result.ok ? undefined : result.error);
    if (result.ok) setDiagnosis(result.value);
  }, []);
  useEffect(() => {
    if (isOnline) void run();
  }, [isOnline, run, needs]);
  return { diagnosis, failure: failure ?? (!diagnosis && !isOnline ? OFFLINE : undefined), isBusy, run };
}
