import { Group } from '@mantine/core';
import { IconPower } from '@tabler/icons-react';
import { callOrNotify } from '../../client.ts';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { useData, useIsOnline } from '../../store/store.ts';
import classes from './app-panel.module.css';

/** The version and process of FlashGrid, and the buttons that quit it. */
export function AppPanel() {
  const app = useData((data) => data.app);
  const isRunning = useData((data) => data.cluster.state === 'running') ?? false;
  const isOnline = useIsOnline();
  if (!app) return null;
  const facts = [
    ['Version', app.version],
    ['Node', app.node],
    ['Platform', app.platform],
    ['Process', String(app.pid)],
  ] as const;
  return (
    <section className={`panel ${classes.box}`} aria-label="About FlashGrid">
      <h2>FlashGrid</h2>
      <dl>
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd className="mono">{value}</dd>
          </div>
        ))}
      </dl>
      <Group gap="xs">
        <ConfirmButton
          variant="default"
          leftSection={<IconPower size={17} aria-hidden />}
          disabled={!isOnline}
          title="Quit FlashGrid?"
          text="The cluster stops, then the control centre ends, for all its windows. Runs and sales are kept."
          confirmLabel="Stop all and quit"
          onConfirm={() => callOrNotify('app.quit', { cluster: 'stop' })}
        >
          Quit
        </ConfirmButton>
        {isRunning ? (
          <ConfirmButton
            variant="default"
            disabled={!isOnline}
            title="Quit, and keep the backends?"
            text="RabbitMQ, Redis and Postgres keep running without a control centre; the next start adopts them."
            confirmLabel="Quit, keep the backends"
            onConfirm={() => callOrNotify('app.quit', { cluster: 'keep' })}
          >
            Quit, keep the backends
          </ConfirmButton>
        ) : null}
      </Group>
    </section>
  );
}
