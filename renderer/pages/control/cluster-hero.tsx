import { milliseconds } from '../../../contract/format.ts';
import { Button, Group, Text } from '@mantine/core';
import { IconBolt, IconPlayerPlayFilled, IconPlayerStopFilled, IconTrash, IconX } from '@tabler/icons-react';
import { useEffect, useState, type ReactNode } from 'react';
import type { ProviderChoice } from '../../../contract/settings.ts';
import { callOrNotify } from '../../client.ts';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { clearFailure } from '../../components/notify.tsx';
import { isAttackActive } from '../../lib/attack-phase.ts';
import { lostBackends } from '../../lib/lost-backends.ts';
import { hrefOf } from '../../lib/router.ts';
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
  const canStart = isOnline && !isAsking && (cluster?.state === 'stopped' || cluster?.state === 'failed');

  const start = async (): Promise<void> => {
    setAsking(true);
    await callOrNotify('cluster.start', {});
    setAsking(false);
  };
  useShortcuts([{ key: 's', label: 'Start the cluster', run: () => void (canStart && start()) }]);
  const hasFailed = cluster?.state === 'failed';
  useEffect(() => {
    // The headline shows the failure. The state may arrive before the answer or after it.
    if (hasFailed && !isAsking) clearFailure('cluster.start');
  }, [hasFailed, isAsking]);
  if (!cluster) return null;

  const startButton = (label: string) => (
    <Group>
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
    </Group>
  );

  // Below its first line, a failure may list all places that were searched.
  const [headline, ...details] = cluster.failure?.message.split('\n') ?? [];
  switch (cluster.state) {
    case 'stopped':
      return (
        <Hero
          label="Start"
          headline="Ten thousand people want twenty tickets. See why nobody gets cheated."
          lead={
            <>
              FlashGrid starts a real ticket shop on this computer: RabbitMQ (the queue), Redis (the stock
              counter) and Postgres (the tickets), apart from everything else that runs here. Then you attack
              it with a crowd of buyers, and an audit proves that no ticket was sold twice.
            </>
          }
          side={<Readiness />}
        >
          {startButton('Start the cluster')}
        </Hero>
      );
    case 'failed':
      return (
        <Hero
          label="Start failed"
          role="alert"
          headline={headline ?? 'The cluster could not be started.'}
          lead={cluster.failure?.fix ?? 'The logs have the details.'}
          side={<StepList steps={cluster.steps} />}
        >
          {startButton('Try again')}
          {details.length === 0 ? null : (
            <p className={`muted small wrapped ${classes.details}`}>{details.join('\n')}</p>
          )}
        </Hero>
      );
    case 'starting':
      return (
        <Hero
          label="Starting"
          headline="Starting…"
          step={cluster.steps.findLast(({ state }) => state === 'running')?.title}
          lead={`${cluster.provider ? `With ${providerNames[cluster.provider]}. ` : ''}${cluster.reason ?? ''}`}
          side={<StepList steps={cluster.steps} />}
        >
          <Button
            variant="default"
            leftSection={<IconX size="1.125rem" aria-hidden />}
            onClick={() => void callOrNotify('cluster.cancelStart', {})}
          >
            Cancel
          </Button>
        </Hero>
      );
    case 'stopping':
    case 'running':
      return <RunningBar isStopping={cluster.state === 'stopping'} />;
  }
}

interface HeroProps {
  readonly label: string;
  readonly role?: string;
  readonly headline: string;
  /** The current step: in a low window its list is below the fold. */
  readonly step?: string | undefined;
  readonly lead: ReactNode;
  readonly side: ReactNode;
  readonly children: ReactNode;
}

function Hero({ label, role, headline, step, lead, side, children }: HeroProps) {
  return (
    <section className={`panel ${classes.hero}`} aria-label={label}>
      <div role={role}>
        <h2 className={classes.headline}>{headline}</h2>
        {step === undefined ? null : (
          <Text mt="xs" fw={620}>
            {step}
          </Text>
        )}
        <p className={`muted ${classes.lead}`}>{lead}</p>
        {children}
      </div>
      {side}
    </section>
  );
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
    <Group component="section" gap="sm" aria-label="Cluster">
      <div className={classes.runningText}>
        <h2>{isStopping ? 'Stopping…' : (lost ?? 'The cluster is running.')}</h2>
        <p className="muted small" title={reason}>
          {provider ? `Runs on ${providerNames[provider]}` : 'Runs'}
          {durationMs === undefined ? '' : `, started in ${milliseconds(durationMs)}`}.
        </p>
      </div>
      <ConfirmButton
        variant="subtle"
        color="gray"
        c="dimmed"
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
    </Group>
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
