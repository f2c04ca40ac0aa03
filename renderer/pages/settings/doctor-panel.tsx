import { Button } from '@mantine/core';
import { IconRefresh } from '@tabler/icons-react';
import type { Diagnosis } from '../../../contract/state.ts';
import { Empty } from '../../components/empty.tsx';
import { FindingList } from '../../components/finding-list.tsx';
import { Loading } from '../../components/loading.tsx';
import { useDoctor } from '../../lib/use-doctor.ts';
import { useIsOnline } from '../../store/store.ts';
import classes from './doctor-panel.module.css';

/** The findings of the doctor about this machine. */
export function DoctorPanel() {
  const { value: diagnosis, failure, isBusy, reload } = useDoctor();
  const isOnline = useIsOnline();
  return (
    <section className="panel" aria-label="Doctor">
      <div className="panel-head">
        <h2>Doctor</h2>
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconRefresh size={15} aria-hidden />}
          loading={isBusy}
          disabled={!isOnline}
          onClick={reload}
        >
          Look again
        </Button>
      </div>
      <div className={classes.body}>
        {failure ? <Empty title={failure.message}>{failure.fix}</Empty> : null}
        {!diagnosis && !failure ? <Loading label="Checking this machine…" /> : null}
        {diagnosis ? <Findings diagnosis={diagnosis} /> : null}
      </div>
    </section>
  );
}

/** Findings of a provider that is not needed are no problem: they are listed, but not marked. */
function Findings({ diagnosis: { findings, concerns } }: { readonly diagnosis: Diagnosis }) {
  const isSpare = ({ id, status }: (typeof findings)[number]) => status !== 'ok' && !concerns.includes(id);
  const spare = findings.filter(isSpare);
  return (
    <>
      <FindingList findings={findings.filter((finding) => !isSpare(finding))} withPaths />
      {spare.length === 0 ? null : (
        <details className={`muted small ${classes.spare}`}>
          <summary>Not found, and not needed: {spare.map(({ title }) => title).join(', ')}</summary>
          {spare.map(({ id, title, detail, fix }) => (
            <div key={id}>
              <p>
                <strong>{title}</strong>
              </p>
              <p className="wrapped">{detail}</p>
              {fix === undefined ? null : <p className="wrapped">{fix}</p>}
            </div>
          ))}
        </details>
      )}
    </>
  );
}
