import { Stack } from '@mantine/core';
import { useData } from '../../store/store.ts';
import { ClusterHero } from './cluster-hero.tsx';
import classes from './control-page.module.css';
import { PartsPanel } from './parts-panel.tsx';
import { Pipeline } from './pipeline.tsx';
import { SalesPanel } from './sales-panel.tsx';

/** The cluster as a live diagram, with everything that starts, scales, breaks and stops it. */
export function ControlPage() {
  const state = useData((data) => data.cluster.state) ?? 'stopped';
  const isUp = state === 'running' || state === 'stopping';
  return (
    <Stack maw="100rem" mx="auto">
      <h1 className="sr-only">Control</h1>
      <ClusterHero />
      <Pipeline />
      {isUp ? (
        <div className={`columns ${classes.columns}`}>
          <PartsPanel />
          <SalesPanel />
        </div>
      ) : null}
    </Stack>
  );
}
