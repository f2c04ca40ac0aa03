import { Button } from '@mantine/core';
import { IconRefresh } from '@tabler/icons-react';
import { FindingList } from '../../components/finding-list.tsx';
import { Loading } from '../../components/loading.tsx';
import { hrefOf } from '../../lib/router.ts';
import { useDoctor } from '../../lib/use-doctor.ts';
import classes from './readiness.module.css';

/** Before the first start: what this machine has, and what is missing. */
export function Readiness() {
  const { diagnosis: readiness, failure, isBusy, run } = useDoctor();
  return (
    <div className={classes.box}>
      <div className={classes.head}>
        <h3>Is this machine ready?</h3>
        <Button
          size="compact-sm"
          variant="subtle"
          color="gray"
          className={classes.again ?? ''}
          leftSection={<IconRefresh size="0.9375rem" aria-hidden />}
          loading={isBusy}
          onClick={() => void run()}
        >
          Look again
        </Button>
      </div>
      {failure ? <p className="muted">{`${failure.message} ${failure.fix}`}</p> : null}
      {!readiness && !failure ? <Loading label="Looking for engines…" /> : null}
      {readiness ? (
        <p className={classes.verdict} data-ready={readiness.canStart}>
          {readiness.canStart
            ? 'Yes. Everything that one click needs is here.'
            : 'Not yet. Either of these ways is enough: containers, or the three engines on this machine.'}
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
          <ol className={classes.steps}>
            <li>Starts RabbitMQ, Redis and Postgres, on free ports and with data of their own.</li>
            <li>Opens the door and the desk: a gateway for the buyers, a worker for the decisions.</li>
            <li>Waits until each part has proven that it serves. Then the doors are open.</li>
          </ol>
        </>
      ) : null}
      {readiness ? (
        <a className={classes.more} href={hrefOf('settings')}>
          The full check is under Settings
        </a>
      ) : null}
    </div>
  );
}
