import { Button, Checkbox, Group, Menu, NumberInput, Progress, Stack } from '@mantine/core';
import { IconFlask, IconPlayerPlayFilled } from '@tabler/icons-react';
import { useState } from 'react';
import { renderLabChart } from '../../../contract/charts/lab-chart.ts';
import { DESIGNS, DESIGN_IDS, type DesignId } from '../../../contract/designs.ts';
import { whole } from '../../../contract/format.ts';
import {
  CALM,
  LAB_EXPORTS,
  LAB_FORMATS,
  labAttacks,
  labPlanSchema,
  type LabFormat,
  type LabKind,
  type LabResult,
  type LabState,
} from '../../../contract/lab.ts';
import {
  factRows,
  labBars,
  labBets,
  labRows,
  labSentences,
  labWitnesses,
  stoppedRows,
} from '../../../contract/lab-report.ts';
import { callOrNotify } from '../../client.ts';
import { ExportButton } from '../../components/export-button.tsx';
import { Empty } from '../../components/empty.tsx';
import { notifyDone } from '../../components/notify.tsx';
import { TextTable } from '../../components/text-table.tsx';
import { isAttackActive, isLabActive, isMatrixActive } from '../../lib/attack-phase.ts';
import { sentence } from '../../lib/format.ts';
import { hrefOf } from '../../lib/router.ts';
import { useCall } from '../../lib/use-call.ts';
import { useControl, useData, useIsOnline } from '../../store/store.ts';
import { saveFile } from '../../transport/save-file.ts';
import classes from './lab-page.module.css';
import { Moment } from './moment.tsx';

/** The lab: the same buyers come to every design, each audited by the same checks. */
export default function LabPage() {
  const lab = useData((data) => data.lab);
  const isOnline = useIsOnline();
  const { value: results = [] } = useCall('lab.listResults', {}, [lab?.done, lab?.phase]);
  return (
    <Stack maw="90rem" mx="auto">
      <Group justify="space-between" align="flex-end">
        <div>
          <h1>The lab</h1>
          <p className="muted">
            The same buyers come to every design, from the naive one to FlashGrid. The same checks judge each.
          </p>
        </div>
        <Group gap="xs">
          <Button component="a" variant="default" href={hrefOf('lab', 'stage')}>
            On stage: five scenes
          </Button>
          <ExportResults isDisabled={!isOnline || results.length === 0} />
        </Group>
      </Group>
      {lab && isLabActive(lab) ? <LabProgress lab={lab} /> : <LabSetup last={lab} />}
      {results.length === 0 ? (
        <div className="panel">
          <Empty icon={<IconFlask size={40} stroke={1.3} />} title="No result yet">
            Each design gets one row here: how often it oversold, what it cost, and how long its buyers
            waited.
          </Empty>
        </div>
      ) : (
        <Results results={results} />
      )}
      <Facts />
    </Stack>
  );
}

const FIELDS = [
  ['rounds', 'Rounds', 'attacks on each design'],
  ['buyers', 'Buyers', 'of an attack'],
  ['stock', 'Tickets', 'units on sale'],
  ['connections', 'Connections at once', 'sockets opened at once'],
  ['seed', 'Seed', 'of the first round'],
] as const;

const KINDS: Readonly<Record<LabKind, string>> = {
  crowd: 'all at once',
  calm: 'a small load',
  stall: 'an instance is stopped',
};
const EXTRAS = [
  ['calm', `Also ${CALM.ratePerSec} requests/s for ${CALM.durationSec} s, where everybody gets a unit`],
  ['stall', 'Also with an instance stopped while it holds its lock or its unit'],
] as const;

/** How large the attacks are, and the button that starts them. */
function LabSetup({ last }: { readonly last: LabState | undefined }) {
  const [draft, setDraft] = useState<Readonly<Record<string, number | string | boolean>>>({});
  const [isBusy, setBusy] = useState(false);
  const clusterState = useData((data) => data.cluster.state);
  const isTaken = useData((data) => isAttackActive(data.attack) || isMatrixActive(data.matrix)) ?? false;
  const isOnline = useIsOnline();
  const [bets, setBets] = useState<Readonly<Record<string, number>>>({});
  const plan = {
    ...labPlanSchema.parse({ calm: true, stall: true }),
    ...last?.plan,
    ...draft,
    bets,
    designs: [...DESIGN_IDS],
  };
  const parsed = labPlanSchema.safeParse(plan);
  const start = async (): Promise<void> => {
    if (!parsed.success) return;
    setBusy(true);
    const isRunning = useControl.getState().data?.cluster.state === 'running';
    if (isRunning || (await callOrNotify('cluster.start', {}))) await callOrNotify('lab.start', parsed.data);
    setBusy(false);
  };
  return (
    <section className={`panel ${classes.box}`} aria-label="The attacks">
      <div className={classes.fields}>
        {FIELDS.map(([field, label, description]) => {
          const issue = parsed.error?.issues.find(({ path }) => path[0] === field);
          return (
            <NumberInput
              key={field}
              label={label}
              description={description}
              value={plan[field]}
              error={issue && sentence(issue.message)}
              onChange={(value) => setDraft((before) => ({ ...before, [field]: value }))}
              allowNegative={false}
              clampBehavior="none"
              thousandSeparator={field === 'seed' ? '' : ','}
            />
          );
        })}
      </div>
      <Bets
        stock={plan.stock}
        onBet={(design, units) =>
          setBets(({ [design]: _, ...others }) =>
            units === '' ? others : { ...others, [design]: Number(units) },
          )
        }
      />
      <Group mt="md">
        {EXTRAS.map(([field, label]) => (
          <Checkbox
            key={field}
            label={label}
            checked={plan[field]}
            onChange={({ currentTarget: { checked } }) =>
              setDraft((before) => ({ ...before, [field]: checked }))
            }
          />
        ))}
      </Group>
      {last?.failure ? (
        <p role="status">
          <strong>Broken off.</strong> {last.failure.message} {last.failure.fix}
        </p>
      ) : null}
      <Group justify="space-between" mt="md">
        <p className="muted" aria-live="polite">
          {isTaken
            ? 'An attack is running: the lab can start after its verdict.'
            : parsed.success
              ? `${whole(labAttacks(parsed.data).length)} attacks, about 4 s each.`
              : 'Correct the marked fields before you start.'}
        </p>
        <Button
          size="lg"
          leftSection={<IconPlayerPlayFilled size="1.125rem" aria-hidden />}
          disabled={!isOnline || !parsed.success || isTaken || clusterState === 'stopping'}
          loading={isBusy}
          onClick={() => void start()}
        >
          {clusterState === 'running' ? 'Start the lab' : 'Start the cluster and the lab'}
        </Button>
      </Group>
    </section>
  );
}

const [NAIVE, ...OTHERS] = DESIGN_IDS;

interface BetsProps {
  readonly stock: number | string;
  readonly onBet: (design: DesignId, units: number | string) => void;
}

/** What the audience bets before it sees anything. */
function Bets({ stock, onBet }: BetsProps) {
  const field = (design: DesignId) => (
    <NumberInput
      key={design}
      label={DESIGNS[design].title}
      placeholder="no bet"
      min={0}
      max={1_000_000}
      allowNegative={false}
      allowDecimal={false}
      thousandSeparator=","
      onChange={(units) => onBet(design, units)}
    />
  );
  return (
    <fieldset className={classes.bets}>
      <legend>Bet first: how many units will it sell in a round? {stock} are on sale.</legend>
      <div className={classes.fields}>{NAIVE === undefined ? null : field(NAIVE)}</div>
      <details>
        <summary>Bet on the other designs too</summary>
        <div className={classes.fields}>{OTHERS.map(field)}</div>
      </details>
    </fieldset>
  );
}

function LabProgress({ lab: { phase, total, done, current } }: { readonly lab: LabState }) {
  const isStopping = phase === 'stopping';
  return (
    <section className={`panel ${classes.box}`} aria-label="Progress">
      <Group justify="space-between" align="flex-start">
        <div>
          <h2>
            {isStopping ? 'Stopping…' : `Attack ${whole(Math.min(total, done + 1))} of ${whole(total)}`}
          </h2>
          {current ? (
            <p className="muted">
              {DESIGNS[current.design].title}, {KINDS[current.kind]}, round {current.round}
            </p>
          ) : null}
        </div>
        <Button variant="default" disabled={isStopping} onClick={() => void callOrNotify('lab.stop', {})}>
          Stop
        </Button>
      </Group>
      <Progress
        mt="md"
        size="lg"
        value={total === 0 ? 0 : (done / total) * 100}
        aria-label="Attacks that are done"
      />
    </section>
  );
}

function Results({ results }: { readonly results: readonly LabResult[] }) {
  const bets = labBets(results);
  return (
    <>
      {bets.length === 0 ? null : (
        <section className={`panel ${classes.box}`} aria-label="The bets">
          <h2>The bets, and the truth</h2>
          <TextTable name="Bet by bet" rows={bets} />
        </section>
      )}
      <section className={`panel ${classes.box}`} aria-label="Results">
        {labSentences(results).map((text) => (
          <p key={text}>{text}</p>
        ))}
        <div
          className={classes.picture}
          // The same picture as in the report; its template escapes each value.
          dangerouslySetInnerHTML={{ __html: renderLabChart(labBars(results)).text }}
        />
        <ResultTable name="Design by design" rows={labRows(results)} className={classes.designs} />
        <ResultTable
          name="When an instance is stopped"
          rows={stoppedRows(results)}
          className={classes.stopped}
        />
      </section>
      {labWitnesses(results).map(({ title, witness, stoppedBy }) => (
        <section
          key={title}
          className={`panel ${classes.box}`}
          aria-label={`${title}: the moment it happened`}
        >
          <h2>{title}: the moment it happened</h2>
          <Moment witness={witness} />
          <p>
            <strong>What should have stopped it:</strong> {stoppedBy}
          </p>
        </section>
      ))}
    </>
  );
}

function ResultTable({
  name,
  rows,
  className,
}: {
  readonly name: string;
  readonly rows: readonly (readonly string[])[];
  readonly className: string | undefined;
}) {
  const oversold = rows[0]?.indexOf('oversold') ?? 0;
  return rows.length === 0 ? null : (
    <>
      <h2 className={classes.tableName}>{name}</h2>
      <TextTable
        name={name}
        className={className}
        rows={rows}
        marksOf={(row) => ({ 'data-oversold': row[oversold] !== '0', 'data-wrong': row.at(-1) === 'NO' })}
      />
    </>
  );
}

const FACTS = factRows(DESIGN_IDS);

/** What each design waits for, and what it gives up. */
function Facts() {
  return (
    <section className={`panel ${classes.box}`} aria-label="The designs">
      <h2>What each waits for, and what it gives up</h2>
      <TextTable name="The price of each design" className={classes.facts} rows={FACTS} />
    </section>
  );
}

function ExportResults({ isDisabled }: { readonly isDisabled: boolean }) {
  const exportAs = async (format: LabFormat): Promise<void> => {
    const file = await callOrNotify('lab.exportResults', { format });
    if (file && (await saveFile(file))) notifyDone(`${file.fileName} is saved.`);
  };
  return (
    <ExportButton isDisabled={isDisabled}>
      {LAB_FORMATS.map((format) => (
        <Menu.Item key={format} onClick={() => void exportAs(format)}>
          {LAB_EXPORTS[format].label}
        </Menu.Item>
      ))}
    </ExportButton>
  );
}
