import { Button, SegmentedControl } from '@mantine/core';
import { IconChevronRight } from '@tabler/icons-react';
import { Fragment, useState } from 'react';
import { coverageRows } from '../../../contract/coverage.ts';
import { plural, whole } from '../../../contract/format.ts';
import type { MatrixAttack, MatrixTable as Table } from '../../../contract/matrix.ts';
import {
  MATRIX_COLUMNS,
  outcomeOf,
  pathsText,
  type MatrixOutcome,
  type MatrixRow,
} from '../../../contract/matrix-report.ts';
import type { Provider } from '../../../contract/backends.ts';
import { CopyButton } from '../../components/copy-button.tsx';
import { Loading } from '../../components/loading.tsx';
import { StateMark, type Tone } from '../../components/state-mark.tsx';
import { hrefOf } from '../../lib/router.ts';
import { useCall } from '../../lib/use-call.ts';
import { useData } from '../../store/store.ts';
import classes from './matrix-page.module.css';

/** Counts that are no fault, and the columns that go first where there is little room. */
const GOOD: readonly string[] = ['attacks', 'requests', 'pass'];
const DETAILS: Readonly<Record<string, 'last' | 'narrow'>> = {
  requests: 'last',
  undersold: 'last',
  lost: 'last',
  duplicated: 'last',
  oversold: 'narrow',
  attacks: 'narrow',
};

interface MatrixTableProps {
  readonly table: Table;
  readonly provider: Provider | undefined;
  readonly onProvider: (provider: string) => void;
}

/** Fault × verdict × rare paths; each fault opens its attacks. */
export function MatrixTable({ table, provider, onProvider }: MatrixTableProps) {
  const [open, setOpen] = useState<readonly string[]>([]);
  const toggle = (fault: string): void =>
    setOpen((before) =>
      before.includes(fault) ? before.filter((one) => one !== fault) : [...before, fault],
    );
  return (
    <>
      <section className={`panel ${classes.box}`} aria-label="Results">
        <div className={classes.head}>
          <div className={classes.sentences}>
            {table.summary.map((text) => (
              <p key={text}>{text}</p>
            ))}
          </div>
          {table.providers.length > 1 ? (
            <SegmentedControl
              aria-label="Backends"
              value={provider ?? ''}
              data={[
                { value: '', label: 'All backends' },
                ...table.providers.map((name) => ({ value: name, label: name })),
              ]}
              onChange={onProvider}
            />
          ) : null}
        </div>
        <div className={classes.scroll} tabIndex={0} role="region" aria-label="Fault by fault">
          <table className={`table ${classes.table}`}>
            <thead>
              <tr>
                <th scope="col">fault</th>
                {MATRIX_COLUMNS.map(([field, title]) => (
                  <th key={field} scope="col" data-number data-detail={DETAILS[field]}>
                    {title}
                  </th>
                ))}
                <th scope="col" data-detail="last">
                  rare paths taken most
                </th>
              </tr>
            </thead>
            <tbody>
              {table.rows.map((row) => (
                <Fragment key={row.fault}>
                  <Row row={row} isOpen={open.includes(row.fault)} onToggle={() => toggle(row.fault)} />
                  {open.includes(row.fault) ? (
                    <tr>
                      <td colSpan={MATRIX_COLUMNS.length + 2} className={classes.attacks}>
                        <Attacks fault={row.fault} provider={provider} />
                      </td>
                    </tr>
                  ) : null}
                </Fragment>
              ))}
            </tbody>
          </table>
        </div>
      </section>
      <Coverage table={table} />
    </>
  );
}

interface RowProps {
  readonly row: MatrixRow;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
}

function Row({ row, isOpen, onToggle }: RowProps) {
  return (
    <tr>
      <th scope="row">
        <button type="button" className={classes.open} aria-expanded={isOpen} onClick={onToggle}>
          <IconChevronRight size="1rem" aria-hidden data-open={isOpen} />
          <span className="mono">{row.fault}</span>
        </button>
      </th>
      {MATRIX_COLUMNS.map(([field]) => (
        <td
          key={field}
          data-number
          data-detail={DETAILS[field]}
          data-bad={row[field] > 0 && !GOOD.includes(field)}
        >
          {whole(row[field])}
        </td>
      ))}
      <td data-detail="last" className={classes.paths}>
        {pathsText(row.coverage)}
      </td>
    </tr>
  );
}

const TONES: Readonly<Record<MatrixOutcome, Tone>> = {
  pass: 'good',
  broken: 'bad',
  undecided: 'busy',
  'no effect': 'idle',
  invalid: 'idle',
};

/** Attacks that are drawn at first, and with each “Show more”. */
const SHOWN = 50;

function Attacks({ fault, provider }: { readonly fault: string; readonly provider: Provider | undefined }) {
  const version = useData((data) => data.matrix?.version);
  const [shown, setShown] = useState(SHOWN);
  const { value: attacks, failure } = useCall(
    'matrix.listAttacks',
    { fault, ...(provider === undefined ? {} : { provider }) },
    [fault, provider, version],
  );
  if (failure) return <p>{`${failure.message} ${failure.fix}`}</p>;
  if (attacks === undefined) return <Loading label="Reading the attacks…" />;
  return (
    <>
      <ul className={classes.list} aria-label={`Attacks of ${fault}`}>
        {attacks.slice(0, shown).map((attack) => (
          <li key={`${attack.provider} ${attack.seed}`}>
            <Attack attack={attack} />
          </li>
        ))}
      </ul>
      {attacks.length > shown ? (
        <Button variant="default" size="compact-sm" onClick={() => setShown((before) => before + SHOWN)}>
          Show more of {whole(attacks.length)}
        </Button>
      ) : null}
    </>
  );
}

function Attack({ attack }: { readonly attack: MatrixAttack }) {
  const { fault, seed, provider, effect = '', reasons, broken, coverage, runId, command } = attack;
  const outcome = outcomeOf(attack);
  const paths = pathsText(coverage, Infinity);
  const name = `${fault}, seed ${seed}, ${provider}`;
  return (
    <>
      <div className={classes.attackHead}>
        <StateMark tone={TONES[outcome]}>{outcome}</StateMark>
        <span>
          Seed {seed}, {provider}
        </span>
        <a href={hrefOf('runs', runId)} aria-label={`Run of ${name}`}>
          Run
        </a>
        <CopyButton text={command} label="Copy the command" name={`Copy the command of ${name}`} />
      </div>
      <p>
        {[effect, ...reasons, broken.length === 0 ? '' : `Failed checks: ${broken.join(', ')}.`].join(' ')}
      </p>
      {paths === '' ? null : <p className="muted small">Rare paths: {paths}.</p>}
      <code className="mono muted">{command}</code>
    </>
  );
}

/** Which rare paths of the engine all attacks together took, and which none took. */
function Coverage({ table: { coverage, never } }: { readonly table: Table }) {
  const taken = coverageRows(coverage);
  return (
    <section className={`panel ${classes.box}`} aria-label="Rare paths">
      <h2>Rare paths of the engine</h2>
      <div className={classes.paths2}>
        <div>
          <h3>Taken: {plural(taken.length, 'path')}</h3>
          <dl className="facts">
            {taken.map(([title, times]) => (
              <div key={title}>
                <dt>{title}</dt>
                <dd>{times}</dd>
              </div>
            ))}
          </dl>
        </div>
        <div>
          <h3>Taken by no attack: {plural(never.length, 'path')}</h3>
          <p className="muted">
            {never.length === 0 ? 'None: every rare path was taken.' : `${never.join(', ')}.`}
          </p>
        </div>
      </div>
    </section>
  );
}
