import { whole, milliseconds } from '../../../contract/format.ts';
import { Button, Group, Stack } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconHistory, IconTrash } from '@tabler/icons-react';
import { memo, useState, type ReactNode } from 'react';
import type { RunSummary } from '../../../contract/state.ts';
import { callOrNotify } from '../../client.ts';
import { ConfirmDialog } from '../../components/confirm-button.tsx';
import { Empty } from '../../components/empty.tsx';
import { Loading } from '../../components/loading.tsx';
import { SearchBox } from '../../components/search-box.tsx';
import { VerdictBadge } from '../../components/verdict-badge.tsx';
import { formatDate } from '../../lib/format.ts';
import { hrefOf, navigate } from '../../lib/router.ts';
import { useCall } from '../../lib/use-call.ts';
import { useData, useIsOnline } from '../../store/store.ts';
import { ExportMenu } from './export-menu.tsx';
import classes from './run-list.module.css';

/** Rows that are drawn at first, and with each “Show more”. */
const ROWS = 100;

/** All runs, newest first. */
export function RunList() {
  const [search, setSearch] = useState('');
  const [searched] = useDebouncedValue(search, 200);
  const savedId = useData((data) => data.savedRun?.id);
  const deletedIds = useData((data) => data.deletedRunIds);
  const {
    value: runs,
    failure,
    reload,
  } = useCall('runs.listRuns', { search: searched }, [searched, savedId, deletedIds]);
  return (
    <Stack maw="90rem" mx="auto">
      <Group wrap="nowrap" justify="space-between">
        <h1>Runs</h1>
        <SearchBox label="Search the runs" className={classes.search} value={search} onChange={setSearch} />
      </Group>
      <p className="sr-only" role="status">
        {runs ? `${runs.length} runs found` : ''}
      </p>
      {failure ? (
        <Empty title={failure.message} action={<Button onClick={reload}>Try again</Button>}>
          {failure.fix}
        </Empty>
      ) : runs === undefined ? (
        <Loading label="Reading the history…" />
      ) : runs.length === 0 ? (
        <div className="panel">
          {searched === '' ? (
            <Empty
              icon={<IconHistory size={40} stroke={1.3} />}
              title="No run yet"
              action={
                <Button component="a" href={hrefOf('attack')}>
                  Launch the first attack
                </Button>
              }
            >
              Each attack saves a record here: what was sent, what was sold, and the proof that both agree.
            </Empty>
          ) : (
            <Empty title={`No run matches “${searched}”`}>
              Try a part of its title, its verdict or its id.
            </Empty>
          )}
        </div>
      ) : (
        <RunTable runs={runs} />
      )}
    </Stack>
  );
}

interface Column {
  readonly title: string;
  readonly cell: (run: RunSummary) => ReactNode;
  readonly 'data-number'?: true;
  /** Hidden where there is little room, `last` first. */
  readonly 'data-detail'?: 'last' | 'narrow';
}

const WITHHELD = 'withheld';
const latencyOf = (run: RunSummary, ms: number): string =>
  run.isSpeedWithheld ? WITHHELD : run.p99Ms > 0 ? milliseconds(ms) : '–';

const COLUMNS: readonly Column[] = [
  { title: 'Verdict', cell: (run) => <VerdictBadge run={run} /> },
  {
    title: 'Sold',
    'data-number': true,
    cell: ({ sold, stock }) => (
      <>
        {whole(sold)} <span className="muted">of {whole(stock)}</span>
      </>
    ),
  },
  {
    title: 'Requests/s',
    'data-number': true,
    'data-detail': 'narrow',
    cell: ({ rps, isSpeedWithheld }) => (isSpeedWithheld ? WITHHELD : whole(rps)),
  },
  { title: 'p50', 'data-number': true, 'data-detail': 'last', cell: (run) => latencyOf(run, run.p50Ms) },
  { title: 'p99', 'data-number': true, 'data-detail': 'narrow', cell: (run) => latencyOf(run, run.p99Ms) },
  { title: 'Backends', 'data-detail': 'last', cell: ({ provider }) => provider },
];

interface RunTableProps {
  readonly runs: readonly RunSummary[];
}

function RunTable({ runs }: RunTableProps) {
  const [shown, setShown] = useState(ROWS);
  const [toDelete, setToDelete] = useState<RunSummary>();
  const isOnline = useIsOnline();
  return (
    <>
      <div className={`panel ${classes.scroll}`} tabIndex={0} role="region" aria-label="History">
        <table className={`table ${classes.table}`}>
          <thead>
            <tr>
              <th scope="col">Run</th>
              {COLUMNS.map(({ title, cell: _, ...marks }) => (
                <th key={title} scope="col" {...marks}>
                  {title}
                </th>
              ))}
              <th scope="col">
                <span className="sr-only">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {runs.slice(0, shown).map((run) => (
              <RunRow key={run.id} run={run} isOnline={isOnline} onDelete={setToDelete} />
            ))}
          </tbody>
        </table>
      </div>
      {runs.length > shown ? (
        <Group component="p" justify="center" gap="sm">
          <span className="muted">
            {whole(shown)} of {whole(runs.length)} runs.
          </span>
          <Button variant="default" onClick={() => setShown((before) => before + ROWS)}>
            Show more
          </Button>
        </Group>
      ) : null}
      {/* One dialog for the whole list: a dialog in each row could be two thousand. */}
      {toDelete ? (
        <ConfirmDialog
          title="Delete this run?"
          text={`The record of “${toDelete.title}” of ${formatDate(toDelete.startedAt)} is deleted. Files that were exported stay.`}
          confirmLabel="Delete the run"
          onConfirm={() => callOrNotify('runs.deleteRun', { id: toDelete.id })}
          onClose={() => setToDelete(undefined)}
        />
      ) : null}
    </>
  );
}

interface RunRowProps {
  readonly run: RunSummary;
  readonly isOnline: boolean;
  readonly onDelete: (run: RunSummary) => void;
}

const RunRow = memo(function RunRow({ run, isOnline, onDelete }: RunRowProps) {
  return (
    <tr onClick={() => navigate('runs', run.id)}>
      <th scope="row">
        <a href={hrefOf('runs', run.id)}>{run.title}</a>
        <span className={`faint tiny ${classes.when}`}>
          {formatDate(run.startedAt)} · {whole(run.connections)} connections
        </span>
      </th>
      {COLUMNS.map(({ title, cell, ...marks }) => (
        <td key={title} {...marks}>
          {cell(run)}
        </td>
      ))}
      {/* A click on the row opens the run; a click on a button must not. */}
      <td className={classes.actions} onClick={(event) => event.stopPropagation()}>
        <ExportMenu runId={run.id} title={run.title} isCompact />
        <Button
          size="compact-sm"
          variant="subtle"
          color="gray"
          aria-label={`Delete ${run.title}`}
          disabled={!isOnline}
          onClick={() => onDelete(run)}
        >
          <IconTrash size={17} aria-hidden />
        </Button>
      </td>
    </tr>
  );
});
