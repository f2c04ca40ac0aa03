import { Button, Chip, Group, Input, NumberInput, SegmentedControl } from '@mantine/core';
import { IconPlayerPlayFilled } from '@tabler/icons-react';
import { useState } from 'react';
import { MATRIX_KINDS } from '../../../contract/chaos.ts';
import { plural, whole } from '../../../contract/format.ts';
import {
  MAX_MATRIX_SEEDS,
  matrixPlanSchema,
  planCells,
  type MatrixPlan,
  type MatrixState,
} from '../../../contract/matrix.ts';
import type { ServiceRole } from '../../../contract/state.ts';
import { callOrNotify } from '../../client.ts';
import { notifyDone } from '../../components/notify.tsx';
import { isAttackActive } from '../../lib/attack-phase.ts';
import { formatDuration, sentence } from '../../lib/format.ts';
import { useControl, useData, useIsOnline } from '../../store/store.ts';
import classes from './matrix-page.module.css';
import { Impossible } from './matrix-progress.tsx';

/** With one of each, a fault of all gateways would be a fault of one; the model's counterexamples need three workers. */
const LEAST_SERVICES = { gateway: 2, worker: 3 } as const;

/** Which attacks the matrix makes, and the button that starts it. */
export function MatrixSetup() {
  const matrix = useData((data) => data.matrix);
  const last = matrix?.plan;
  const clusterState = useData((data) => data.cluster.state);
  const isAttacking = useData((data) => isAttackActive(data.attack)) ?? false;
  const isOnline = useIsOnline();
  const [kinds, setKinds] = useState<readonly string[]>(last?.only ?? []);
  const [seeds, setSeeds] = useState<number | string>(last?.seeds ?? 1);
  const [firstSeed, setFirstSeed] = useState<number | string>(last?.firstSeed ?? 1);
  const [isQuick, setQuick] = useState(last?.isQuick ?? true);
  const [isBusy, setBusy] = useState(false);
  const parsed = matrixPlanSchema.safeParse({
    ...(kinds.length === 0 ? {} : { only: kinds }),
    seeds,
    firstSeed,
    isQuick,
  });
  const errorOf = (field: string) => {
    const issue = parsed.error?.issues.find(({ path }) => path[0] === field);
    return issue && sentence(issue.message);
  };
  const toggle = (kind: string): void =>
    setKinds((before) =>
      // In the order of the table, so that the attacks come in it, too.
      MATRIX_KINDS.filter((one) => (one === kind) !== before.includes(one)),
    );
  const start = async (plan: MatrixPlan): Promise<void> => {
    setBusy(true);
    if (await bringUp()) {
      const state = await callOrNotify('matrix.start', { plan });
      if (state?.phase === 'idle')
        notifyDone('Every attack of this plan is done already: take more seeds or kinds, or start afresh.');
    }
    setBusy(false);
  };
  const needsStart = clusterState !== 'running';
  return (
    <section className={`panel ${classes.box}`} aria-label="What is broken">
      <Input.Label component="p" id="matrix-kinds">
        Kinds of faults
      </Input.Label>
      <Group className={classes.kinds} gap="xs" role="group" aria-labelledby="matrix-kinds">
        <Chip size="sm" checked={kinds.length === 0} onChange={() => setKinds([])}>
          All kinds
        </Chip>
        {MATRIX_KINDS.map((kind) => (
          <Chip key={kind} size="sm" checked={kinds.includes(kind)} onChange={() => toggle(kind)}>
            {kind}
          </Chip>
        ))}
      </Group>
      <div className={classes.fields}>
        <div>
          <Input.Label component="p" id="matrix-targets">
            Targets
          </Input.Label>
          <SegmentedControl
            fullWidth
            aria-labelledby="matrix-targets"
            value={isQuick ? 'one' : 'all'}
            data={[
              { value: 'one', label: 'One of each kind' },
              { value: 'all', label: 'All' },
            ]}
            onChange={(value) => setQuick(value === 'one')}
          />
        </div>
        <NumberInput
          label="Seeds"
          value={seeds}
          error={errorOf('seeds')}
          onChange={setSeeds}
          allowNegative={false}
          clampBehavior="none"
          min={1}
          max={MAX_MATRIX_SEEDS}
        />
        <NumberInput
          label="First seed"
          value={firstSeed}
          error={errorOf('firstSeed')}
          onChange={setFirstSeed}
          allowNegative={false}
          clampBehavior="none"
          min={0}
          max={1_000_000}
        />
      </div>
      <LastEnd matrix={matrix} />
      <Group justify="space-between" mt="md">
        <p className={`muted ${classes.summary}`} aria-live="polite">
          {isAttacking
            ? 'An attack is running: the matrix can start after its verdict.'
            : parsed.success
              ? summaryOf(parsed.data, matrix?.msPerAttack)
              : 'Correct the marked fields before you start.'}
        </p>
        <Button
          size="lg"
          leftSection={<IconPlayerPlayFilled size="1.125rem" aria-hidden />}
          disabled={!isOnline || !parsed.success || isAttacking || clusterState === 'stopping'}
          loading={isBusy}
          onClick={() => parsed.success && void start(parsed.data)}
        >
          {needsStart ? 'Start the cluster and the matrix' : 'Start the matrix'}
        </Button>
      </Group>
    </section>
  );
}

function summaryOf(plan: MatrixPlan, msPerAttack: number | undefined): string {
  const attacks = planCells({ ...plan, seeds: 1 }).length * plan.seeds;
  const time = msPerAttack === undefined ? '' : `, about ${formatDuration(attacks * msPerAttack)}`;
  return `${plural(attacks, 'attack')}${time}. Those whose results are kept below are not made again.`;
}

/** Why the last matrix ended before all was done. */
function LastEnd({ matrix }: { readonly matrix: MatrixState | undefined }) {
  if (!matrix?.plan) return null;
  const { failure, done, total } = matrix;
  const isDone = done === total;
  return (
    <div className={classes.end} data-status={failure ? 'missing' : isDone ? 'ok' : 'warning'} role="status">
      <p>
        <strong className="tone">
          {failure ? 'Broken off' : isDone ? 'Done' : 'Stopped'}: {whole(done)} of {plural(total, 'attack')}.
        </strong>{' '}
        {failure
          ? `${failure.message} ${failure.fix}`
          : isDone
            ? ''
            : 'Start it again to go on where it ended.'}
      </p>
      <Impossible matrix={matrix} />
    </div>
  );
}

/** Starts the cluster where it does not run, and sees to enough services; whether that worked. */
async function bringUp(): Promise<boolean> {
  const isRunning = useControl.getState().data?.cluster.state === 'running';
  if (!isRunning && !(await callOrNotify('cluster.start', {}))) return false;
  for (const role of ['gateway', 'worker'] as const)
    if (countOf(role) < LEAST_SERVICES[role])
      if (!(await callOrNotify('services.scale', { role, count: LEAST_SERVICES[role] }))) return false;
  return true;
}

function countOf(role: ServiceRole): number {
  const services = useControl.getState().data?.services ?? [];
  return services.filter((one) => one.role === role && one.state !== 'stopped').length;
}
