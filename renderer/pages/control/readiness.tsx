import { Button, Group } from '@mantine/core';
import { IconRefresh } from '@tabler/icons-react';
import { FindingList } from '../../components/finding-list.tsx';
import { Loading } from '../../components/loading.tsx';
import { hrefOf } from '../../lib/router.ts';
import { useDoctor } from '../../lib/use-doctor.ts';
import { useData } from '../../store/store.ts';
import classes from './readiness.module.css';

/** The doctor's summary before the first start. */
export function Readiness() {
  const provider = useData((data) => data.settings.provider) ?? 'auto';
  const { value: readiness, failure, isBusy, reload } = useDoctor();
  return (
    <div className={classes.box}>
      <Group justify="space-between">
        <h3>Is this machine ready?</h3>
        <Button
          size="compact-sm"
          variant="subtle"
          color="gray"
          c="dimmed"
          leftSection={<IconRefresh size="0.9375rem" aria-hidden />}
          loading={isBusy}
          onClick={reload}
        >
          Look again
        </Button>
      </Group>
      {failure ? <p className="muted">{`${failure.message} ${failure.fix}`}</p> : null}
      {!readiness && !failure ? <Loading label="Looking for backends…" /> : null}
      {readiness ? (
        <p className={classes.verdict} data-ready={readiness.canStart}>
          {readiness.canStart
            ? readiness.concerns.length === 0
              ? 'Yes. Everything that one click needs is here.'
              : 'It can start. The findings below may limit a large attack.'
            : provider === 'auto'
              ? 'Not yet: see below. Install either a container runtime, or RabbitMQ, Redis and Postgres.'
              : `Not yet: see below what the provider “${provider}” needs, or choose another one in the settings.`}
        </p>
      ) : null}
      {readiness ? (
        <div className={classes.concerns}>
          <FindingList findings={readiness.findings.filter(({ id }) => readiness.concerns.includes(id))} />
        </div>
      ) : null}
      {readiness?.canStart ? (
        <>
          <h4 className={classes.plan}>What one click does</h4>
          <ol className={`muted ${classes.steps}`}>
            <li>
              {provider === 'external'
                ? 'Checks that RabbitMQ, Redis and Postgres serve at the URLs in the settings.'
                : 'Starts RabbitMQ, Redis and Postgres, on free ports and with data of their own.'}
            </li>
            <li>Starts a gateway, which accepts buyers, and a worker, which decides who gets a ticket.</li>
            <li>Waits until each part has proven that it serves.</li>
          </ol>
        </>
      ) : null}
      {readiness ? (
        <a className="small" href={hrefOf('settings')}>
          The full check is under Settings
        </a>
      ) : null}
    </div>
  );
}
