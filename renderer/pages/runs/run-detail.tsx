import { plural } from '../../../contract/format.ts';
import { Button } from '@mantine/core';
import { IconArrowLeft, IconListDetails, IconTrash } from '@tabler/icons-react';
import { Suspense, lazy, useCallback, useEffect, useMemo, useState, type ReactNode } from 'react';
import type { Failure } from '../../../contract/failure.ts';
import { marksOfRun } from '../../../contract/run-marks.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import { notesOf } from '../../../contract/run-notes.ts';
import { describeVerdict } from '../../../contract/verdict-text.ts';
import { call, callOrNotify } from '../../client.ts';
import { CheckList } from '../../components/check-list.tsx';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { Empty } from '../../components/empty.tsx';
import { Loading } from '../../components/loading.tsx';
import { Notes } from '../../components/notes.tsx';
import { RarePaths } from '../../components/rare-paths.tsx';
import { VerdictBadge } from '../../components/verdict-badge.tsx';
import { totalRequests } from '../../../contract/attack-settings.ts';
import { formatDate } from '../../lib/format.ts';
import { OFFLINE } from '../../lib/offline.ts';
import { hrefOf, navigate } from '../../lib/router.ts';
import { addSamples, emptySeries } from '../../../contract/series.ts';
import { useData, useIsOnline } from '../../store/store.ts';
import { ExportMenu } from './export-menu.tsx';
import classes from './run-detail.module.css';
import { RunFacts } from './run-facts.tsx';

const RecordCharts = lazy(async () => ({
  default: (await import('../../charts/record-charts.tsx')).RecordCharts,
}));

/** The full record of one run. */
export function RunDetail({ id }: { readonly id: string }) {
  const [record, setRecord] = useState<RunRecord>();
  const [failure, setFailure] = useState<Failure>();
  const isOnline = useIsOnline();
  const isDeleted = useData((data) => data.deletedRunIds.includes(id)) ?? false;
  const load = useCallback(async () => {
    const result = await call('runs.getRun', { id });
    setFailure(result.ok ? undefined : result.error);
    if (result.ok) setRecord(result.value);
  }, [id]);
  useEffect(() => {
    if (isOnline) void load();
  }, [isOnline, load]);

  const back = (
    <Button
      component="a"
      variant="default"
      href={hrefOf('runs')}
      leftSection={<IconArrowLeft size={17} aria-hidden />}
    >
      All runs
    </Button>
  );
  if (isDeleted) {
    return (
      <NoRecord title="This run was deleted" action={back}>
        Its record is gone. Files that were exported stay where they are.
      </NoRecord>
    );
  }
  if (record) return <Record record={record} />;
  const problem = failure ?? (isOnline ? undefined : OFFLINE);
  if (!problem) return <Loading label="Reading the record…" />;
  return (
    <NoRecord
      title={problem.message}
      action={
        <span className={classes.actions}>
          <Button disabled={!isOnline} onClick={() => void load()}>
            Try again
          </Button>
          {back}
        </span>
      }
    >
      {problem.fix}
    </NoRecord>
  );
}

/** Stands in for a record; has a heading, as every page. */
function NoRecord({ title, children, action }: { title: string; children: ReactNode; action: ReactNode }) {
  return (
    <>
      <h1 className="sr-only">{title}</h1>
      <Empty title={title} action={action}>
        {children}
      </Empty>
    </>
  );
}

function Record({ record }: { readonly record: RunRecord }) {
  const isOnline = useIsOnline();
  const series = useMemo(() => addSamples(emptySeries(record.id), record.series), [record]);
  const startedAtMs = Date.parse(record.startedAt);
  // Older records lack the time of the first request; the run started shortly before it.
  const zeroAtMs = Date.parse(record.firstRequestAt ?? record.startedAt);
  const openLogs = useCallback(
    (tMs: number) => navigate('logs', undefined, { at: String(Math.round(zeroAtMs + tMs)) }),
    [zeroAtMs],
  );
  const marks = useMemo(() => marksOfRun(record), [record]);
  const buyers = totalRequests(record.attack);
  const { headline, detail } = describeVerdict(record);
  return (
    <div className={classes.page}>
      <div className={classes.head}>
        <div>
          <p className={classes.crumb}>
            <a href={hrefOf('runs')}>Runs</a> / <span className="mono">{record.id}</span>
          </p>
          <h1>
            {plural(buyers, 'buyer')}, {plural(record.audit.stock, 'ticket')}
          </h1>
          <p className={classes.verdict}>
            <VerdictBadge run={record} />
            <span className="muted">
              {formatDate(record.startedAt)}. {headline} {[detail, ...record.reasons].join(' ')}
            </span>
          </p>
          <Notes notes={notesOf(record)} />
          <RarePaths coverage={record.coverage} />
        </div>
        <div className={classes.actions}>
          <Button
            component="a"
            variant="default"
            href={hrefOf('logs', undefined, { at: String(startedAtMs) })}
            leftSection={<IconListDetails size={17} aria-hidden />}
          >
            Logs
          </Button>
          <ExportMenu runId={record.id} title={record.id} />
          <ConfirmButton
            variant="default"
            disabled={!isOnline}
            leftSection={<IconTrash size={17} aria-hidden />}
            title="Delete this run?"
            text="Its record is deleted. Files that were exported stay."
            confirmLabel="Delete the run"
            onConfirm={async () => {
              if (await callOrNotify('runs.deleteRun', { id: record.id })) navigate('runs');
            }}
          >
            Delete
          </ConfirmButton>
        </div>
      </div>
      <div className={classes.columns}>
        <section className={`panel ${classes.charts}`} aria-label="The attack over time">
          <Suspense fallback={<Loading label="Loading the charts…" />}>
            <RecordCharts
              points={series.points}
              stock={record.audit.stock}
              latencyMs={record.load.latencyMs}
              soldOutAtMs={series.totals.soldOutAtMs}
              marks={marks}
              onPick={openLogs}
            />
          </Suspense>
        </section>
        {record.audit.checks.length === 0 ? null : (
          <section className="panel" aria-label="What was proven">
            <div className="panel-head">
              <h2>What was proven</h2>
            </div>
            <CheckList checks={record.audit.checks} />
          </section>
        )}
      </div>
      <RunFacts record={record} />
    </div>
  );
}
