import { useMediaQuery } from '@mantine/hooks';
import { useData } from '../store/store.ts';

/** `low`: with room for the crowd and the queue alone. */
export type Stage = 'none' | 'low' | 'full';

/** Whether an attack is shown on one screen that does not scroll: in projector mode, where there is room for it. */
export function useStage(): Stage {
  const isProjectorMode = useData((data) => data.settings.isProjectorMode) ?? false;
  const hasRoom = useQuery('(min-width: 75rem) and (min-height: 42rem)');
  const isHigh = useQuery('(min-height: 50rem)');
  return !isProjectorMode || !hasRoom ? 'none' : isHigh ? 'full' : 'low';
}

const useQuery = (query: string): boolean => useMediaQuery(query, false, { getInitialValueInEffect: false });
