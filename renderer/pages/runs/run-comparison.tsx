import { Button, Group, Menu, NativeSelect, Stack } from '@mantine/core';
import { IconArrowLeft } from '@tabler/icons-react';
import { Suspense, lazy, useEffect, useMemo, useState } from 'react';
import {
  BASELINE,
  COMPARISON_EXPORTS,
  COMPARISON_FORMATS,
  COMPARISON_WORDS,
  compareRuns,
  comparisonRows,
  comparisonSentences,
  secondSide,
  sideName,
  type ComparisonFormat,
} from '../../../contract/comparison.ts';
import type { Failure } from '../../../contract/failure.ts';
import { milliseconds, whole } from '../../../contract/format.ts';
import { overlaidCharts } from '../../../contract/overlaid.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import { summaryOf, titleOf } from '../../../contract/run-text.ts';
import type { RunSummary } from '../../../contract/state.ts';
import { call, callOrNotify } from '../../client.ts';
import { Empty } from '../../components/empty.tsx';
import { ExportButton } from '../../components/export-button.tsx';
import { Loading } from '../../components/loading.tsx';
import { notifyDone } from '../../components/notify.tsx';
import { TextTable, TableHead } from '../../components/text-table.tsx';
import { VerdictBadge } from '../../components/verdict-badge.tsx';
import { formatDate, speedText } from '../../lib/format.ts';
import { hrefOf } from '../../lib/router.ts';
import { saveFile } from '../../transport/save-file.ts';
import classes from './run-comparison.module.css';

const OverlaidTimeChart = lazy(async () => ({
  default: (await import('../../charts/overlaid-chart.tsx')).OverlaidTimeChart,
}));

const NO_BASELINE: Failure = {
  code: 'runs.notFound',
  message: 'There is no baseline yet.',
  fix: 'Select runs in the list, and make them the baseline.',
};

interface RunComparisonProps {
  readonly ids: readonly string[];
  /** All of the runs are B, and the baseline is A. */
  readonly isAgainstBaseline: boolean;
}

/** Runs side by side. */
export function RunComparison({ ids, isAgainstBaseline }: RunComparisonProps) {
  const [records, setRecords] = useState<readonly RunRecord[]>();
  const [baseline, setBaseline] = useState<readonly RunRecord[]>([]);
  const [failure, setFailure] = useState<Failure>();
  const wanted = ids.join();
  useEffect(() => {
    let isCurrent = true;
    const ask = async (): Promise<void> => {
      const kept = isAgainstBaseline ? await call('runs.getBaseline', {}) : undefined;
      const results = await Promise.all(wanted.split(',').map((id) => call('runs.getRun', { id })));
      if (!isCurrent) return;
      const failed = [...(kept ? [kept] : []), ...results].find((result) => !result.ok);
      setBaseline(kept?.ok ? kept.value : []);
      setRecords(results.flatMap((result) => (result.ok ? [result.value] : [])));
      const isEmpty = kept?.ok === true && kept.value.length === 0;
      setFailure(failed && !failed.ok ? failed.error : isEmpty ? NO_BASELINE : undefined);
    };
    void ask();
    return () => {
      isCurrent = false;
    };
  }, [wanted, isAgainstBaseline]);
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
  return (
    <Stack maw="110rem" mx="auto">
      <p className="muted small">
        <a href={hrefOf('runs')}>Runs</a> / comparison
      </p>
      {failure ? (
        <>
          <h1 className="sr-only">{failure.message}</h1>
          <Empty title={failure.message} action={back}>
            {failure.fix}
          </Empty>
        </>
      ) : records === undefined ? (
        <Loading label="Reading the records…" />
      ) : (
        <Sides
          key={`${wanted} ${isAgainstBaseline}`}
          records={records}
          baseline={isAgainstBaseline ? baseline : undefined}
        />
      )}
    </Stack>
  );
}

const SPEEDS: readonly (readonly [name: string, read: (run: RunSummary) => string])[] = [
  ['Requests/s', ({ rps }) => whole(rps)],
  ['p50', ({ p50Ms }) => milliseconds(p50Ms)],
  ['p99', ({ p99Ms }) => milliseconds(p99Ms)],
];

interface SidesProps {
  readonly records: readonly RunRecord[];
  readonly baseline: readonly RunRecord[] | undefined;
}

function Sides({ records, baseline }: SidesProps) {
  const [second, setSecond] = useState(
    () => new Set((baseline ? records : secondSide(records)).map(({ id }) => id)),
  );
  const { comparison, overlaid, a, b } = useMemo(() => {
    const ofA = baseline ?? records.filter(({ id }) => !second.has(id));
    const ofB = records.filter(({ id }) => second.has(id));
    const found = compareRuns(
      { name: baseline ? BASELINE : sideName(ofA), records: ofA },
      { name: sideName(ofB), records: ofB },
    );
    return { comparison: found, overlaid: overlaidCharts(found.a, found.b), a: ofA, b: ofB };
  }, [records, baseline, second]);
  const exportAs = async (format: ComparisonFormat): Promise<void> => {
    const file = await callOrNotify('runs.exportComparison', {
      a: baseline ? [BASELINE] : a.map(({ id }) => id),
      b: b.map(({ id }) => id),
      format,
    });
    if (file && (await saveFile(file))) notifyDone(`${file.fileName} is saved.`);
  };
  const move = (id: string, side: string): void =>
    setSecond((before) => new Set(side === 'B' ? [...before, id] : [...before].filter((one) => one !== id)));
  const areBothThere = a.length > 0 && b.length > 0;
  return (
    <>
      <Group justify="space-between">
        <h1>{areBothThere ? COMPARISON_WORDS[comparison.verdict] : 'Choose two sides'}</h1>
        <ExportButton isDisabled={!areBothThere}>
          {COMPARISON_FORMATS.map((format) => (
            <Menu.Item key={format} onClick={() => void exportAs(format)}>
              {COMPARISON_EXPORTS[format]}
            </Menu.Item>
          ))}
        </ExportButton>
      </Group>
      {areBothThere ? (
        <ul className={classes.sentences}>
          {comparisonSentences(comparison).map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      ) : (
        <p className="muted">Both sides need a run: move one in the table below.</p>
      )}
      {areBothThere ? <Table name="Side by side" rows={comparisonRows(comparison)} /> : null}
      {comparison.setUp.length > 0 ? (
        <Table name="Where the set-ups differ" rows={[['setting', 'A', 'B'], ...comparison.setUp]} />
      ) : null}
      {overlaid ? (
        <section className="panel" aria-label="Over each other">
          <div className="panel-head">
            <h2>Over each other</h2>
            <span className="muted small">{overlaid.hint}</span>
          </div>
          <div className={classes.charts}>
            <Suspense fallback={<Loading label="Loading the charts…" />}>
              {overlaid.charts.map((chart) => (
                <OverlaidTimeChart key={chart.id} chart={chart} endsMs={overlaid.endsMs} />
              ))}
            </Suspense>
          </div>
        </section>
      ) : null}
      <section className="panel" aria-label="The runs">
        <div className="panel-head">
          <h2>The runs</h2>
        </div>
        <div className={classes.scroll} tabIndex={0} role="region" aria-label="Table of the runs">
          <table className="table small">
            <TableHead titles={['Side', 'Run', 'Verdict', ...SPEEDS.map(([name]) => name)]} />
            <tbody>
              {[...(baseline ?? []), ...records].map((record, at) => (
                <tr key={`${at} ${record.id}`}>
                  <td>
                    {baseline ? (
                      at < baseline.length ? (
                        'A'
                      ) : (
                        'B'
                      )
                    ) : (
                      <NativeSelect
                        size="xs"
                        aria-label={`Side of ${record.id}`}
                        value={second.has(record.id) ? 'B' : 'A'}
                        data={['A', 'B']}
                        onChange={(event) => move(record.id, event.currentTarget.value)}
                      />
                    )}
                  </td>
                  <th scope="row">
                    <a href={hrefOf('runs', record.id)}>{titleOf(record.attack)}</a>
                    <span className="faint tiny"> {formatDate(record.startedAt)}</span>
                  </th>
                  <td>
                    <VerdictBadge run={record} />
                  </td>
                  {SPEEDS.map(([name, read]) => (
                    <td key={name}>{speedText(summaryOf(record), read)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
    </>
  );
}

interface TableProps {
  readonly name: string;
  /** The head first. */
  readonly rows: readonly (readonly string[])[];
}

function Table({ name, rows }: TableProps) {
  return (
    <section className="panel" aria-label={name}>
      <div className="panel-head">
        <h2>{name}</h2>
      </div>
      <TextTable name={name} className="small" rows={rows} />
    </section>
  );
}
