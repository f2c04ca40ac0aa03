import { Button } from '@mantine/core';
import { IconRefresh } from '@tabler/icons-react';
import { FindingList } from '../../components/finding-list.tsx';
import { Loading } from '../../components/loading.tsx';
import { hrefOf } from '../../lib/router.ts';
import { useDoctor } from '../../lib/use-doctor.ts';
import classes from './readiness.module.css';

/** Before the first start: what this machine has, and what is missing. */
export function Readiness() {
  const { findings, failure, isBusy, run } = useDoctor();
  const problems = findings?.filter(({ status }) => status !== 'ok') ?? [];
  return (
    <div className={classes.box}>
      <div className={classes.head}>
        <h3>Is this machine ready?</h3>
        <Button
          size="compact-sm"
          variant="subtle"
          color="gray"
          className={classes.again ?? ''}
          leftSection={<IconRefresh size={15} aria-hidden />}
          loading={isBusy}
          onClick={() => void run()}
        >
          Look again
        </Button>
      </div>
      {failure ? <p className="muted">{`${failure.message} ${failure.fix}`}</p> : null}
      {!findings && !failure ? <Loading label="Looking for engines…" /> : null}
      {findings && problems.length === 0 ? (
        <p className={classes.ready}>Everything that is needed is here. One click starts it all.</p>
      ) : null}
      {findings ? <FindingList findings={problems.length > 0 ? problems : findings.slice(0, 5)} /> : null}
      {findings ? (
        <a className={classes.more} href={hrefOf('settings')}>
          The full check is under Settings
        </a>
      ) : null}
    </div>
  );
}
