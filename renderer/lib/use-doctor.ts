import { useData } from '../store/store.ts';
import { useCall, type Answer } from './use-call.ts';

/** The findings of the doctor; read again after a change of the provider. */
export function useDoctor(): Answer<'doctor.runChecks'> {
  // The findings depend on these settings. The page can't see a changed password of an external URL,
  // so each save counts as a change.
  const needs = useData(({ settings }) => (settings.provider === 'external' ? settings : settings.provider));
  return useCall('doctor.runChecks', {}, [needs]);
}
