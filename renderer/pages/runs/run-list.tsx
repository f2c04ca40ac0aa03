import { BASELINE } from '../../../contract/comparison.ts';
import { plural } from '../../../contract/format.ts';
import { runMatcher } from '../../../contract/run-text.ts';
import { verdictShown } from '../../../contract/verdict-text.ts';
import { Button, Group, NativeSelect, Stack } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconHistory } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { callOrNotify } from '../../client.ts';
import { Empty } from '../../components/empty.tsx';
import { Loading } from '../../components/loading.tsx';
import { notifyDone } from '../../components/notify.tsx';
import { SearchBox } from '../../components/search-box.tsx';
import { hrefOf } from '../../lib/router.ts';
import { useRuns } from '../../lib/use-runs.ts';
import classes from './run-list.module.css';
import { RunTable } from './run-table.tsx';

const NONE: ReadonlySet<string> = new Set();

/** All runs, to be searched, sorted, labelled and compared. */
export function RunList() {
  const [search, setSearch] = useState('');
  const [searched] = useDebouncedValue(search, 100);
  const [verdict, setVerdict] = useState('');
  const [selected, setSelected] = useState(NONE);
  const { runs, failure, reload } = useRuns();
  const verdicts = useMemo(() => [...new Set(runs?.map(verdictShown))].sort(), [runs]);
  const found = useMemo(() => {
    const matches = runMatcher(searched);
    return runs?.filter((run) => (verdict === '' || verdictShown(run) === verdict) && matches(run));
  }, [runs, searched, verdict]);
  const chosen = useMemo(() => runs?.filter(({ id }) => selected.has(id)) ?? [], [runs, selected]);
  return (
    <Stack maw="100rem" mx="auto" h="100%" gap="sm">
      <Group gap="sm">
        <h1>Runs</h1>
        <p className={`muted small ${classes.count}`} role="status">
          {found ? plural(found.length, 'run') : ''}
        </p>
        <SearchBox label="Search the runs" className={classes.search} value={search} onChange={setSearch} />
        <NativeSelect
          aria-label="Verdict"
          value={verdict}
          data={[{ value: '', label: 'All verdicts' }, ...verdicts]}
          onChange={(event) => setVerdict(event.currentTarget.value)}
        />
      </Group>
      {chosen.length === 0 ? null : (
        <Selection ids={chosen.map(({ id }) => id)} onClear={() => setSelected(NONE)} />
      )}
      {failure ? (
        <Empty title={failure.message} action={<Button onClick={reload}>Try again</Button>}>
          {failure.fix}
        </Empty>
      ) : found === undefined ? (
        <Loading label="Reading the history…" />
      ) : found.length > 0 ? (
        <RunTable runs={found} selected={selected} onSelect={setSelected} />
      ) : (
        <div className="panel">
          {runs?.length === 0 ? (
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
            <Empty title={searched === '' ? 'No such run' : `No run matches “${searched}”`}>
              Try a part of its title, its settings, a tag, its note or its id, and all verdicts.
            </Empty>
          )}
        </div>
      )}
    </Stack>
  );
}

interface SelectionProps {
  readonly ids: readonly string[];
  readonly onClear: () => void;
}

/** What can be done with the runs that are ticked. */
function Selection({ ids, onClear }: SelectionProps) {
  const setBaseline = async (): Promise<void> => {
    if (await callOrNotify('runs.setBaseline', { ids: [...ids] }))
      notifyDone(`The baseline is ${plural(ids.length, 'run')}.`);
  };
  return (
    <Group gap="xs" role="group" aria-label="Selected runs">
      <span className="small">{plural(ids.length, 'run')} selected</span>
      {ids.length < 2 ? null : (
        <Button size="compact-sm" component="a" href={hrefOf('runs', undefined, { compare: ids.join() })}>
          Compare
        </Button>
      )}
      <Button
        size="compact-sm"
        variant="default"
        component="a"
        href={hrefOf('runs', undefined, { compare: ids.join(), against: BASELINE })}
      >
        Compare with the baseline
      </Button>
      <Button size="compact-sm" variant="default" onClick={() => void setBaseline()}>
        Make it the baseline
      </Button>
      <Button size="compact-sm" variant="subtle" color="gray" onClick={onClear}>
        Select none
      </Button>
    </Group>
  );
}
