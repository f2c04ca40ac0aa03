import { Button, Group, Stack } from '@mantine/core';
import { IconArrowLeft, IconListDetails, IconTag, IconTrash } from '@tabler/icons-react';
import { Suspense, lazy, useCallback, useMemo, useState, type ReactNode } from 'react';
import type { RunRecord } from '../../../contract/run-record.ts';
import { crowdAndStock, titleOf } from '../../../contract/run-text.ts';
import { notesOf } from '../../../contract/run-notes.ts';
import { queueWorth } from '../../../contract/queue-worth.ts';
import { describeVerdict } from '../../../contract/verdict-text.ts';
import { callOrNotify } from '../../client.ts';
import { CheckList } from '../../components/check-list.tsx';
import { FaultTable } from '../../components/fault-table.tsx';
import { Empty } from '../../components/empty.tsx';
import { Loading } from '../../components/loading.tsx';
import { Notes } from '../../components/notes.tsx';
import { RarePaths } from '../../components/rare-paths.tsx';
import { VerdictBadge } from '../../components/verdict-badge.tsx';
import { deleteRun } from '../../lib/delete-run.ts';
import { formatDate } from '../../lib/format.ts';
import { hrefOf, navigate } from '../../lib/router.ts';
import { useCall } from '../../lib/use-call.ts';
import { useData, useIsOnline } from '../../store/store.ts';
import { ExportMenu } from './export-menu.tsx';
import { LabelEditor } from './label-editor.tsx';
import { LatencyHistogram } from './latency-histogram.tsx';
import classes from './run-detail.module.css';
import { LatencyPanel } from './latency-panel.tsx';
import { RunFacts } from './run-facts.tsx';

const RunCharts = lazy(async () => ({ default: (await import('./run-charts.tsx')).RunCharts }));

/** The full record of one run. */
export function RunDetail({ id }: { readonly id: string }) {
  const { value: record, failure, reload } = useCall('runs.getRun', { id }, [id]);
  const isOnline = useIsOnline();
  const isDeleted = useData((data) => data.deletedRunIds.includes(id)) ?? false;
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
  const restore = async (): Promise<void> => {
    if (await callOrNotify('runs.restoreRun', { id })) reload();
  };
  if (isDeleted) {
    return (
      <NoRecord
        title="This run was deleted"
        action={
          <Group gap="xs">
            <Button disabled={!isOnline} onClick={() => void restore()}>
              Bring it back
            </Button>
            {back}
          </Group>
        }
      >
        It can be brought back for a week. Files that were exported stay where they are.
      </NoRecord>
    );
  }
  if (record) return <Record record={record} onChange={reload} />;
  if (!failure) return <Loading label="Reading the record…" />;
  return (
    <NoRecord
      title={failure.message}
      action={
        <Group gap="xs">
          <Button disabled={!isOnline} onClick={reload}>
            Try again
          </Button>
          {back}
        </Group>
      }
    >
      {failure.fix}
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

function Record({ record, onChange }: { readonly record: RunRecord; readonly onChange: () => void }) {
  const isOnline = useIsOnline();
  const [isLabelled, setLabelled] = useState(false);
  const { tags = [], note } = record.labels ?? {};
  const startedAtMs = Date.parse(record.startedAt);
  // Older records lack the time of the first request; the run started shortly before it.
  const zeroAtMs = Date.parse(record.firstRequestAt ?? record.startedAt);
  const openLogs = useCallback(
    (tMs: number) => navigate('logs', undefined, { at: String(Math.round(zeroAtMs + tMs)) }),
    [zeroAtMs],
  );
  const { headline, detail } = describeVerdict(record);
  const worth = useMemo(() => queueWorth(record), [record]);
  return (
    <Stack maw="110rem" mx="auto">
      <Group className={classes.head} align="flex-end" justify="space-between">
        <div>
          <p className="muted small">
            <a href={hrefOf('runs')}>Runs</a> / <span className="mono">{record.id}</span>
          </p>
          <h1>{crowdAndStock(record.attack)}</h1>
          <Group component="p" gap="xs" mt="xs">
            <VerdictBadge run={record} />
            <span className="muted">
              {formatDate(record.startedAt)}. {headline} {[detail, ...record.reasons].join(' ')}
            </span>
          </Group>
          {worth === undefined ? null : (
            <p>
              <strong>{worth}</strong>
            </p>
          )}
          {tags.length === 0 && note === undefined ? null : (
            <p className="small wrapped">
              {[tags.map((tag) => `#${tag}`).join(' '), note].filter(Boolean).join(': ')}
            </p>
          )}
          {/* Faults have a table of their own. */}
          <Notes notes={notesOf({ ...record, faults: [] })} />
          <RarePaths coverage={record.coverage} />
        </div>
        <Group gap="xs">
          <Button
            component="a"
            variant="default"
            href={hrefOf('logs', undefined, { at: String(startedAtMs) })}
            leftSection={<IconListDetails size={17} aria-hidden />}
          >
            Logs
          </Button>
          <ExportMenu runId={record.id} />
          <Button
            variant="default"
            disabled={!isOnline}
            leftSection={<IconTag size={17} aria-hidden />}
            onClick={() => setLabelled(true)}
          >
            Tags and note
          </Button>
          <Button
            variant="default"
            disabled={!isOnline}
            leftSection={<IconTrash size={17} aria-hidden />}
            onClick={() =>
              void deleteRun(record.id, titleOf(record.attack)).then((isDone) => isDone && navigate('runs'))
            }
          >
            Delete
          </Button>
        </Group>
      </Group>
      {isLabelled ? (
        <LabelEditor
          run={record}
          onClose={() => {
            setLabelled(false);
            onChange();
          }}
        />
      ) : null}
      <FaultTable record={record} />
      <div className="columns">
        <section className={`panel ${classes.charts}`} aria-label="The attack over time">
          <Suspense fallback={<Loading label="Loading the charts…" />}>
            <RunCharts record={record} onPick={openLogs} />
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
      <LatencyHistogram record={record} />
      <LatencyPanel record={record} />
      <RunFacts record={record} />
    </Stack>
  );
}
