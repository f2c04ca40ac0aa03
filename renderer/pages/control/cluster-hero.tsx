import { milliseconds } from '../../../contract/format.ts';
import { Button } from '@mantine/core';
import { IconBolt, IconPlayerPlayFilled, IconPlayerStopFilled, IconTrash, IconX } from '@tabler/icons-react';
import { useCallback, useEffect, useMemo, useState } from 'react';
import type { Step } from '../../../contract/backends.ts';
import type { ProviderChoice } from '../../../contract/settings.ts';
import { callOrNotify } from '../../client.ts';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { clearFailure } from '../../components/notify.tsx';
import { isAttackActive } from '../../lib/attack-phase.ts';
import { lostBackends } from '../../lib/lost-backends.ts';
import { hrefOf } from '../../lib/router.ts';
import { useShortcutsEnabled } from '../../lib/shortcut-preference.ts';
import { useShortcuts } from '../../lib/shortcuts.ts';
import { useControl, useData, useIsOnline } from '../../store/store.ts';
import classes from './cluster-hero.module.css';
import { ProviderSelect } from './provider-select.tsx';
import { Readiness } from './readiness.tsx';
import { StepList } from './step-list.tsx';

const providerNames = {
  native: 'this machine’s own backends',
  docker: 'containers',
  external: 'external backends',
} as const;

/** The top of the Control page: the state of the cluster, and the next thing to do. */
export function ClusterHero() {
  const cluster = useData((data) => data.cluster);
  const chosen = useData((data) => data.settings.provider) ?? 'auto';
  const isOnline = useIsOnline();
  const [isAsking, setAsking] = useState(false);
  const [areShortcutsOn] = useShortcutsEnabled();
  const canStart = isOnline && !isAsking && (cluster?.state === 'stopped' || cluster?.state === 'failed');

  const start = useCallback(async () => {
    setAsking(true);
    await callOrNotify('cluster.start', {});
    setAsking(false);
  }, []);
  const shortcuts = useMemo(
    () => [{ key: 's', label: 'Start the cluster', run: () => void (canStart && start()) }],
    [canStart, start],
  );
  useShortcuts(shortcuts, areShortcutsOn);
  const hasFailed = cluster?.state === 'failed';
  useEffect(() => {
    // The headline shows the failure. The state may arrive before the answer or after it.
    if (hasFailed && !isAsking) clearFailure('cluster.start');
  }, [hasFailed, isAsking]);
  if (!cluster) return null;

  const startButton = (label: string) => (
    <div className={classes.start}>
      <Button
        size="xl"
        className={classes.big}
        leftSection={<IconPlayerPlayFilled size="1.375rem" aria-hidden />}
        disabled={!canStart}
        loading={isAsking && cluster.state !== 'starting'}
        onClick={() => void start()}
      >
        {label}
      </Button>
      <ProviderSelect value={chosen} onChange={(provider) => void keepProvider(provider)} />
    </div>
  );

  // Below its first line, a failure may list all places that were searched.
  const [headline, ...details] = cluster.failure?.message.split('\n') ?? [];
  switch (cluster.state) {
    case 'stopped':
      return (
        <section className={`panel ${classes.hero}`} aria-label="Start">
          <div>
            <h2 className={classes.headline}>
              Ten thousand people want twenty tickets. See why nobody gets cheated.
            </h2>
            <p className={classes.lead}>
              FlashGrid starts a real ticket shop on this computer: RabbitMQ (the queue), Redis (the stock
              counter) and Postgres (the tickets), apart from everything else that runs here. Then you attack
              it with a crowd of buyers, and an audit proves that no ticket was sold twice.
            </p>
            {startButton('Start the cluster')}
          </div>
          <Readiness />
        </section>
      );
    case 'failed':
      return (
        <section className={`panel ${classes.hero}`} aria-label="Start failed">
          <div role="alert">
            <h2 className={classes.headline}>{headline ?? 'The cluster could not be started.'}</h2>
            <p className={classes.lead}>{cluster.failure?.fix ?? 'The logs have the details.'}</p>
            {startButton('Try again')}
            {details.length === 0 ? null : <p className={classes.details}>{details.join('\n')}</p>}
          </div>
          <StepList steps={cluster.steps} />
        </section>
      );
    case 'starting':
      return (
        <section className={`panel ${classes.hero}`} aria-label="Starting">
          <div>
            <h2 className={classes.headline}>Starting…</h2>
            <CurrentStep steps={cluster.steps} />
            <p className={classes.lead}>
              {cluster.provider ? `With ${providerNames[cluster.provider]}. ` : ''}
              {cluster.reason ?? ''}
            </p>
            <Button
              variant="default"
              leftSection={<IconX size="1.125rem" aria-hidden />}
              onClick={() => void callOrNotify('cluster.cancelStart', {})}
            >
              Cancel
            </Button>
          </div>
          <StepList steps={cluster.steps} />
        </section>
      );
    case 'stopping':
    case 'running':
      return <RunningBar isStopping={cluster.state === 'stopping'} />;
  }
}

/** The current step beside the headline: in a low window the list is below the fold. */
function CurrentStep({ steps }: { readonly steps: readonly Step[] }) {
  const title = steps.findLast(({ state }) => state === 'running')?.title;
  return title === undefined ? null : <p className={classes.step}>{title}</p>;
}

function RunningBar({ isStopping }: { readonly isStopping: boolean }) {
  const durationMs = useData((data) => data.cluster.startDurationMs);
  const provider = useData((data) => data.cluster.provider);
  const reason = useData((data) => data.cluster.reason);
  const lost = useData((data) => lostBackends(data.cluster));
  const isOnline = useIsOnline();
  const isAttacked = useData((data) => isAttackActive(data.attack)) ?? false;
  const isDisabled = isStopping || !isOnline;
  const attackEnds = isAttacked ? 'The running attack ends without a verdict. ' : '';
  return (
    <section className={classes.running} aria-label="Cluster">
      <div className={classes.runningText}>
        <h2>{isStopping ? 'Stopping…' : (lost ?? 'The cluster is running.')}</h2>
        <p className="muted" title={reason}>
          {provider ? `Runs on ${providerNames[provider]}` : 'Runs'}
          {durationMs === undefined ? '' : `, started in ${milliseconds(durationMs)}`}.
        </p>
      </div>
      <ConfirmButton
        variant="subtle"
        color="gray"
        className={classes.quiet ?? ''}
        leftSection={<IconTrash size="1rem" aria-hidden />}
        disabled={isDisabled}
        title="Stop and remove all data?"
        text={`${attackEnds}All parts stop, and every sale, ticket and message of this cluster is deleted. Saved runs stay. This can't be undone.`}
        confirmLabel="Remove all data"
        onConfirm={() => callOrNotify('cluster.reset', {})}
      >
        Reset
      </ConfirmButton>
      <ConfirmButton
        variant="default"
        leftSection={<IconPlayerStopFilled size="1rem" aria-hidden />}
        disabled={isDisabled}
        title="Stop the cluster?"
        text={`${attackEnds}Gateways and workers finish what is in flight, then the backends stop. Sales and tickets are kept for the next start.`}
        confirmLabel="Stop the cluster"
        onConfirm={() => callOrNotify('cluster.stop', {})}
      >
        Stop
      </ConfirmButton>
      <Button
        component="a"
        href={hrefOf('attack')}
        size="md"
        leftSection={<IconBolt size="1.125rem" aria-hidden />}
        onClick={dismissFinished}
      >
        Launch an attack
      </Button>
    </section>
  );
}

/** Saved as a setting, so that the next start from any frontend uses it too. */
async function keepProvider(provider: ProviderChoice): Promise<void> {
  const settings = useControl.getState().data?.settings;
  if (settings) await callOrNotify('settings.saveSettings', { ...settings, provider });
}

/** Opens the form of the Attack page instead of the last result, unless an attack is running. */
function dismissFinished(): void {
  const attack = useControl.getState().data?.attack;
  if (attack) useControl.setState({ dismissedRunId: attack.runId });
}
