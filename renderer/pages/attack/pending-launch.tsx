import { Button } from '@mantine/core';
import { callOrNotify } from '../../client.ts';
import { useControl, useData } from '../../store/store.ts';
import { StepList } from '../control/step-list.tsx';
import classes from './pending-launch.module.css';

/** Shown while the cluster starts for an attack. */
export function PendingLaunch() {
  const steps = useData((data) => data.cluster.steps) ?? [];
  const cancel = async (): Promise<void> => {
    useControl.setState({ pendingLaunch: undefined });
    await callOrNotify('cluster.cancelStart', {});
  };
  return (
    <section className={`panel ${classes.box}`} aria-labelledby="pending-title">
      <div>
        <h1 id="pending-title">First the cluster, then the attack.</h1>
        <p className={`muted ${classes.text}`}>
          The attack starts by itself once every part has proven that it serves.
        </p>
        <Button variant="default" onClick={() => void cancel()}>
          Cancel
        </Button>
      </div>
      <StepList steps={steps} />
    </section>
  );
}
