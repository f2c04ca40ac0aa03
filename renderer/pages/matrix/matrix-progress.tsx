import { Button, Group, Progress } from '@mantine/core';
import { IconActivity, IconPlayerStopFilled } from '@tabler/icons-react';
import { percent, whole } from '../../../contract/format.ts';
import { matrixLeftMs, type MatrixState } from '../../../contract/matrix.ts';
import { callOrNotify } from '../../client.ts';
import { formatDuration } from '../../lib/format.ts';
import { hrefOf } from '../../lib/router.ts';
import { useNow } from '../../lib/use-now.ts';
import { useIsOnline } from '../../store/store.ts';
import classes from './matrix-page.module.css';

/** How far the matrix is, and the button that stops it. */
export function MatrixProgress({ matrix }: { readonly matrix: MatrixState }) {
  const { phase, total, done, current } = matrix;
  const isOnline = useIsOnline();
  const now = useNow(1_000);
  const leftMs = matrixLeftMs(matrix, now);
  const share = total === 0 ? 0 : done / total;
  const isStopping = phase === 'stopping';
  return (
    <section className={`panel ${classes.box}`} aria-label="Progress">
      <Group justify="space-between" align="flex-start">
        <div>
          <h2>
            {isStopping ? 'Stopping…' : `Attack ${whole(Math.min(total, done + 1))} of ${whole(total)}`}
          </h2>
          {current ? (
            <p className={classes.now}>
              <code className="mono">{current.faults}</code>{' '}
              <span className="muted">
                seed {current.seed}
                {current.runId === undefined ? ', waits until every part is well' : ''} ·{' '}
                {formatDuration(now - current.startedAtMs)}
              </span>
            </p>
          ) : null}
        </div>
        <Group gap="xs">
          <Button
            component="a"
            variant="default"
            href={hrefOf('attack')}
            leftSection={<IconActivity size="1rem" aria-hidden />}
          >
            Watch the attack
          </Button>
          <Button
            variant="default"
            disabled={!isOnline || isStopping}
            leftSection={<IconPlayerStopFilled size="1rem" aria-hidden />}
            onClick={() => void callOrNotify('matrix.stop', {})}
          >
            Stop
          </Button>
        </Group>
      </Group>
      <Progress mt="md" size="lg" value={share * 100} aria-label="Attacks that are done" />
      <p className={`muted small ${classes.left}`}>
        {percent(share)} done
        {leftMs === undefined ? '' : `, about ${formatDuration(leftMs)} left`}. What is done is kept when you
        stop.
      </p>
      <Impossible matrix={matrix} />
    </section>
  );
}

/** The faults that are left out here. */
export function Impossible({ matrix: { impossible } }: { readonly matrix: MatrixState }) {
  if (impossible.length === 0) return null;
  return (
    <p className="muted small">
      Left out, since others run the backends of this cluster: {impossible.join(', ')}.
    </p>
  );
}
