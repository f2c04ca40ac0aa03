import { useMemo } from 'react';
import { useData } from '../store/store.ts';
import { listParts, type Part } from './parts.ts';

export function useParts(): readonly Part[] {
  const cluster = useData((data) => data.cluster);
  const services = useData((data) => data.services);
  const stats = useData((data) => data.stats);
  const version = useData((data) => data.app.version);
  return useMemo(
    () => (cluster && services && stats ? listParts(cluster, services, stats, version ?? '') : []),
    [cluster, services, stats, version],
  );
}
