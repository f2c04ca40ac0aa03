import { whole, milliseconds } from '../../../contract/format.ts';
import { verdictShown } from '../../../contract/verdict-text.ts';
import {
  IconArrowDown,
  IconArrowUp,
  IconDownload,
  IconPin,
  IconPinFilled,
  IconTag,
  IconTrash,
} from '@tabler/icons-react';
import {
  memo,
  useCallback,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type ReactNode,
} from 'react';
import type { RunSummary } from '../../../contract/state.ts';
import { callOrNotify } from '../../client.ts';
import { AnchoredMenu } from '../../components/anchored-menu.tsx';
import { VerdictBadge } from '../../components/verdict-badge.tsx';
import { deleteRun } from '../../lib/delete-run.ts';
import { exportRun } from '../../lib/export-run.ts';
import { formatDate, speedText } from '../../lib/format.ts';
import { hrefOf, navigate } from '../../lib/router.ts';
import { rowAfterKey, useRows } from '../../lib/use-rows.ts';
import { useIsOnline } from '../../store/store.ts';
import { ExportItems } from './export-menu.tsx';
import { LabelEditor } from './label-editor.tsx';
import classes from './run-list.module.css';

/** Height of a row in rem. */
const ROW_REM = 3.75;

interface Column {
  readonly title: string;
  /** What the column is sorted by. */
  readonly value: (run: RunSummary) => number | string;
  readonly cell?: (run: RunSummary) => ReactNode;
  readonly 'data-number'?: true;
  /** Hidden where there is little room, `last` first and `least` last. */
  readonly 'data-detail'?: 'last' | 'narrow' | 'least';
}

const number = { 'data-number': true } as const;

const latency = (
  title: string,
  detail: 'last' | 'narrow',
  read: (run: RunSummary) => number | undefined,
): Column => ({
  title,
  ...number,
  'data-detail': detail,
  value: (run) => read(run) ?? 0,
  cell: (run) => speedText(run, () => (run.p99Ms > 0 ? latencyText(read(run)) : '–')),
});
const latencyText = (ms: number | undefined) => (ms === undefined ? '–' : milliseconds(ms));

const RUN: Column = { title: 'Run', value: ({ startedAt }) => startedAt };
const COLUMNS: readonly Column[] = [
  { title: 'Verdict', value: verdictShown, cell: (run) => <VerdictBadge run={run} /> },
  {
    title: 'Sold',
    ...number,
    'data-detail': 'least',
    value: ({ sold }) => sold,
    cell: ({ sold, stock }) => (
      <>
        {whole(sold)} <span className="muted">of {whole(stock)}</span>
      </>
    ),
  },
  {
    title: 'Requests/s',
    ...number,
    'data-detail': 'narrow',
    value: ({ rps }) => rps,
    cell: (run) => speedText(run, ({ rps }) => whole(rps)),
  },
  latency('p50', 'last', ({ p50Ms }) => p50Ms),
  latency('p95', 'last', ({ p95Ms }) => p95Ms),
  latency('p99', 'narrow', ({ p99Ms }) => p99Ms),
  { title: 'Backends', 'data-detail': 'last', value: ({ provider }) => provider },
];

interface Sorting {
  readonly column: Column;
  readonly isDown: boolean;
}

function sorted(runs: readonly RunSummary[], { column, isDown }: Sorting): readonly RunSummary[] {
  const { value } = column;
  const keyed = runs.map((run) => ({ run, key: value(run) }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.run.startedAt < b.run.startedAt ? -1 : 1));
  const inOrder = keyed.map(({ run }) => run);
  return isDown ? inOrder.reverse() : inOrder;
}

interface RunTableProps {
  readonly runs: readonly RunSummary[];
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (change: (before: ReadonlySet<string>) => ReadonlySet<string>) => void;
}

/** What a row's buttons ask for. */
type Action = 'select' | 'pin' | 'labels' | 'export' | 'delete';
type OnAct = (action: Action, run: RunSummary, button: HTMLElement) => void;

/** Ten thousand runs in one table, of which only the rows in sight are drawn. */
export function RunTable({ runs, selected, onSelect }: RunTableProps) {
  const [sorting, setSorting] = useState<Sorting>({ column: RUN, isDown: true });
  const [labelled, setLabelled] = useState<RunSummary>();
  const [exported, setExported] = useState<{
    readonly run: RunSummary;
    readonly button: HTMLButtonElement;
  }>();
  const isOnline = useIsOnline();
  const inOrder = useMemo(() => sorted(runs, sorting), [runs, sorting]);
  const { box, rowPx, first, last, onScroll, focusRow } = useRows(inOrder.length, ROW_REM);
  const head = useRef<HTMLTableSectionElement>(null);
  const hadFocus = useRef(false);
  // A row that is scrolled out of sight must not take the focus with it.
  useLayoutEffect(() => {
    if (hadFocus.current && document.activeElement === document.body)
      box.current?.focus({ preventScroll: true });
  });
  const act = useCallback<OnAct>(
    (action, run, button) => {
      if (action === 'select')
        onSelect((before) =>
          before.has(run.id)
            ? new Set([...before].filter((id) => id !== run.id))
            : new Set(before).add(run.id),
        );
      else if (action === 'labels') setLabelled(run);
      else if (action === 'export') setExported({ run, button: button as HTMLButtonElement });
      else if (action === 'delete') void deleteRun(run.id, run.title);
      else void callOrNotify('runs.labelRun', { id: run.id, labels: { isPinned: !run.labels?.isPinned } });
    },
    [onSelect],
  );
  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    if (!(event.target instanceof HTMLElement)) return;
    const at = Number(event.target.closest('tr')?.dataset['at'] ?? Number.NaN);
    const to = Number.isNaN(at) ? undefined : rowAfterKey(event.key, at, inOrder.length);
    const run = to === undefined ? undefined : inOrder[to];
    if (to === undefined || !run) return;
    event.preventDefault();
    focusRow(to, run.id, head.current?.offsetHeight);
  };
  const heading = (column: Column) => {
    const { title } = column;
    const isSorted = sorting.column === column;
    const Icon = sorting.isDown ? IconArrowDown : IconArrowUp;
    return (
      <th
        key={title}
        scope="col"
        data-number={column['data-number']}
        data-detail={column['data-detail']}
        {...(isSorted ? { 'aria-sort': sorting.isDown ? 'descending' : 'ascending' } : {})}
      >
        <button
          type="button"
          className={classes.sort}
          onClick={() => setSorting({ column, isDown: isSorted ? !sorting.isDown : true })}
        >
          {title}
          {isSorted ? <Icon size={13} aria-hidden /> : null}
        </button>
      </th>
    );
  };
  const spacer = (rows: number) =>
    rows > 0 ? <tr className={classes.spacer} style={{ height: rows * rowPx }} aria-hidden /> : null;
  return (
    <>
      <div
        ref={box}
        className={`panel ${classes.scroll}`}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
        onFocus={() => (hadFocus.current = true)}
        onBlur={() => (hadFocus.current = false)}
        tabIndex={0}
        role="region"
        aria-label="History"
      >
        <table className={`table ${classes.table}`} aria-rowcount={inOrder.length + 1}>
          <thead ref={head}>
            <tr aria-rowindex={1}>
              {[RUN, ...COLUMNS].map(heading)}
              <th scope="col" className={classes.actions}>
                <span className="sr-only">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {spacer(first)}
            {inOrder.slice(first, last).map((run, index) => (
              <RunRow
                key={run.id}
                run={run}
                at={first + index}
                rowPx={rowPx}
                isSelected={selected.has(run.id)}
                isOnline={isOnline}
                onAct={act}
              />
            ))}
            {spacer(inOrder.length - last)}
          </tbody>
        </table>
      </div>
      {/* One of each for the whole list: scrolling must not make a menu and a dialog for each row. */}
      {labelled ? <LabelEditor run={labelled} onClose={() => setLabelled(undefined)} /> : null}
      {exported ? (
        <AnchoredMenu
          label={`Export ${exported.run.title}`}
          button={exported.button}
          onClose={() => setExported(undefined)}
        >
          <ExportItems onChoose={(format) => void exportRun(exported.run.id, format)} />
        </AnchoredMenu>
      ) : null}
    </>
  );
}

interface RunRowProps {
  readonly run: RunSummary;
  readonly at: number;
  readonly rowPx: number;
  readonly isSelected: boolean;
  readonly isOnline: boolean;
  readonly onAct: OnAct;
}

const RunRow = memo(function RunRow({ run, at, rowPx, isSelected, isOnline, onAct }: RunRowProps) {
  const { tags = [], note, isPinned = false } = run.labels ?? {};
  const button = (action: Action, label: string, Icon: typeof IconTag, isPressed?: boolean) => (
    <button
      type="button"
      className={classes.action}
      aria-label={`${label} ${run.title}`}
      title={label}
      {...(isPressed === undefined ? {} : { 'aria-pressed': isPressed })}
      disabled={!isOnline}
      onClick={(event) => onAct(action, run, event.currentTarget)}
    >
      <Icon size={17} aria-hidden />
    </button>
  );
  return (
    <tr
      data-at={at}
      aria-rowindex={at + 2}
      data-selected={isSelected}
      style={{ height: rowPx }}
      onClick={() => navigate('runs', run.id)}
    >
      <th scope="row">
        <div className={classes.run}>
          <input
            type="checkbox"
            aria-label={`Select ${run.title}, ${formatDate(run.startedAt)}`}
            checked={isSelected}
            onChange={(event) => onAct('select', run, event.currentTarget)}
            onClick={(event) => event.stopPropagation()}
          />
          <div className={classes.what}>
            <a href={hrefOf('runs', run.id)} data-row={run.id}>
              {run.title}
            </a>
            <span className={`faint tiny ${classes.when}`} title={note}>
              {run.isBaseline ? <b className={classes.tag}>baseline</b> : null}
              {tags.map((tag) => (
                <b key={tag} className={classes.tag}>
                  {tag}
                </b>
              ))}
              {formatDate(run.startedAt)} · {whole(run.connections)} connections
              {note === undefined ? '' : ` · ${note}`}
            </span>
          </div>
        </div>
      </th>
      {COLUMNS.map(({ title, value, cell = value, ...marks }) => (
        <td key={title} {...marks}>
          {cell(run)}
        </td>
      ))}
      {/* A click on the row opens the run; a click on a button must not. */}
      <td className={classes.actions} onClick={(event) => event.stopPropagation()}>
        {button('pin', 'Pin', isPinned ? IconPinFilled : IconPin, isPinned)}
        {button('labels', 'Tags and note of', IconTag)}
        {button('export', 'Export', IconDownload)}
        {button('delete', 'Delete', IconTrash)}
      </td>
    </tr>
  );
});
