import { Button } from '@mantine/core';
import { IconAlertTriangle, IconPlugConnectedX } from '@tabler/icons-react';
import { useState } from 'react';
import { client } from '../client.ts';
import { useNow } from '../lib/use-now.ts';
import { lostBackendDetail, lostBackends } from '../lib/lost-backends.ts';
import { hrefOf, useRoute } from '../lib/router.ts';
import { useControl, useData } from '../store/store.ts';
import classes from './banners.module.css';

/** Problems that concern every page: the control centre is offline, a backend is down, or the versions differ. */
export function Banners() {
  const status = useControl((state) => state.status);
  const problem = useControl((state) => state.problem);
  const hasData = useControl((state) => state.data !== undefined);
  const lost = useData((data) => lostBackends(data.cluster));
  const notices = useData((data) => data.notices) ?? [];
  const { page } = useRoute();
  const [hidden, setHidden] = useState<readonly string[]>([]);
  const detail = useData((data) => lostBackendDetail(data.cluster));
  return (
    <div aria-live="polite">
      {status.state === 'online' || (status.state === 'connecting' && !hasData) ? null : (
        <Offline retryAtMs={status.state === 'offline' ? status.retryAtMs : undefined} hasData={hasData} />
      )}
      {lost === undefined ? null : (
        <div className={classes.banner}>
          <IconAlertTriangle size="1.25rem" aria-hidden />
          <p>
            <strong>{lost}</strong> {detail}
          </p>
          <Button component="a" href={hrefOf('control')} size="compact-sm" variant="default">
            Show the cluster
          </Button>
        </div>
      )}
      {notices
        // Unreadable run records concern only the list of runs.
        .filter(({ id, message }) => (id !== 'runs' || page === 'runs') && !hidden.includes(message))
        .map(({ id, message, fix }) => (
          <div key={id} className={classes.banner}>
            <IconAlertTriangle size="1.25rem" aria-hidden />
            <p>
              {message} {fix}
            </p>
            {page === id ? null : (
              <Button component="a" href={hrefOf(id)} size="compact-sm" variant="default">
                Show
              </Button>
            )}
            <Button size="compact-sm" variant="default" onClick={() => setHidden([...hidden, message])}>
              Hide
            </Button>
          </div>
        ))}
      {problem === undefined ? null : (
        <div className={classes.banner}>
          <IconAlertTriangle size="1.25rem" aria-hidden />
          <p>
            <strong>{problem}</strong> This page and the control centre may be of different versions.
          </p>
          <Button size="compact-sm" variant="default" onClick={() => window.location.reload()}>
            Reload
          </Button>
        </div>
      )}
    </div>
  );
}

interface OfflineProps {
  readonly retryAtMs: number | undefined;
  readonly hasData: boolean;
}

function Offline({ retryAtMs, hasData }: OfflineProps) {
  const now = useNow(500);
  const leftSec = retryAtMs === undefined ? 0 : Math.max(0, Math.ceil((retryAtMs - now) / 1_000));
  return (
    <div className={classes.banner}>
      <IconPlugConnectedX size="1.25rem" aria-hidden />
      <p>
        <strong>The control centre does not answer.</strong>{' '}
        {hasData
          ? 'This page shows its last known state. A running attack goes on without this window.'
          : 'Check that FlashGrid is running. This page connects by itself.'}{' '}
        <span aria-hidden>{leftSec > 0 ? `Next try in ${leftSec} s.` : 'Trying…'}</span>
      </p>
      <Button size="compact-sm" variant="default" onClick={() => client.retryNow()}>
        Try now
      </Button>
    </div>
  );
}
