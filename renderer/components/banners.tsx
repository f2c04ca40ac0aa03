import { Button } from '@mantine/core';
import { IconAlertTriangle, IconPlugConnectedX } from '@tabler/icons-react';
import { useState, type ReactNode } from 'react';
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
        <Banner text={detail} strong={lost}>
          <Button component="a" href={hrefOf('control')} size="compact-sm" variant="default">
            Show the cluster
          </Button>
        </Banner>
      )}
      {notices
        // Unreadable run records concern only the list of runs.
        .filter(({ id, message }) => (id !== 'runs' || page === 'runs') && !hidden.includes(message))
        .map(({ id, message, fix }) => (
          <Banner key={id} text={`${message} ${fix}`}>
            {page === id ? null : (
              <Button component="a" href={hrefOf(id)} size="compact-sm" variant="default">
                Show
              </Button>
            )}
            <Button size="compact-sm" variant="default" onClick={() => setHidden([...hidden, message])}>
              Hide
            </Button>
          </Banner>
        ))}
      {problem === undefined ? null : (
        <Banner strong={problem} text="This page and the control centre may be of different versions.">
          <Button size="compact-sm" variant="default" onClick={() => window.location.reload()}>
            Reload
          </Button>
        </Banner>
      )}
    </div>
  );
}

interface BannerProps {
  readonly Icon?: typeof IconAlertTriangle;
  readonly strong?: string;
  readonly text: ReactNode;
  readonly children: ReactNode;
}

function Banner({ Icon = IconAlertTriangle, strong, text, children }: BannerProps) {
  return (
    <div className={classes.banner}>
      <Icon size="1.25rem" aria-hidden />
      <p>
        {strong === undefined ? null : <strong>{strong}</strong>} {text}
      </p>
      {children}
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
  const said = hasData
    ? 'This page shows its last known state. A running attack goes on without this window.'
    : 'Check that FlashGrid is running. This page connects by itself.';
  return (
    <Banner
      Icon={IconPlugConnectedX}
      strong="The control centre does not answer."
      text={
        <>
          {said} <span aria-hidden>{leftSec > 0 ? `Next try in ${leftSec} s.` : 'Trying…'}</span>
        </>
      }
    >
      <Button size="compact-sm" variant="default" onClick={() => client.retryNow()}>
        Try now
      </Button>
    </Banner>
  );
}
