import { Button } from '@mantine/core';
import { IconRefresh } from '@tabler/icons-react';
import { Empty } from '../../components/empty.tsx';
import { FindingList } from '../../components/finding-list.tsx';
import { Loading } from '../../components/loading.tsx';
import { useDoctor } from '../../lib/use-doctor.ts';
import classes from './doctor-panel.module.css';

/** What this machine has, what is missing, and what to do about it. */
export function DoctorPanel() {
  const { findings, failure, isBusy, run } = useDoctor();
  return (
    <section className="panel" aria-label="Doctor">
      <div className="panel-head">
        <h2>Doctor</h2>
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconRefresh size={15} aria-hidden />}
          loading={isBusy}
          onClick={() => void run()}
        >
          Look again
        </Button>
      </div>
      <div className={classes.body}>
        {failure ? <Empty title={failure.message}>{failure.fix}</Empty> : null}
        {!findings && !failure ? <Loading label="Looking at this machine…" /> : null}
        {findings ? <FindingList findings={findings} withPaths /> : null}
      </div>
    </section>
  );
}
