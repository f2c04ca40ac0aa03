import { compact, whole, percent } from '../../../contract/format.ts';
import {
  IconDatabase,
  IconDoorEnter,
  IconGavel,
  IconStack2,
  IconTicket,
  IconUsersGroup,
} from '@tabler/icons-react';
import { useMemo } from 'react';
import { isAttackActive } from '../../lib/attack-phase.ts';
import { useFlow } from '../../lib/flow.ts';
import { groupParts, type Part } from '../../lib/parts.ts';
import { useNow } from '../../lib/use-now.ts';
import { useParts } from '../../lib/use-parts.ts';
import { useData } from '../../store/store.ts';
import { Link, Fork } from './pipeline-link.tsx';
import { PipelineNode } from './pipeline-node.tsx';
import classes from './pipeline.module.css';
import { CrowdDots } from './crowd-dots.tsx';
import { DeadLetters } from './dead-letters.tsx';
import { SurgeSparkline } from './surge-sparkline.tsx';
import { ScaleStepper } from './scale-stepper.tsx';

const icons = {
  buyers: <IconUsersGroup stroke={1.6} />,
  gateway: <IconDoorEnter stroke={1.6} />,
  queue: <IconStack2 stroke={1.6} />,
  worker: <IconGavel stroke={1.6} />,
  redis: <IconTicket stroke={1.6} />,
  postgres: <IconDatabase stroke={1.6} />,
};
const surge = <SurgeSparkline />;
const gatewayScale = <ScaleStepper role="gateway" />;
const workerScale = <ScaleStepper role="worker" />;

const byRole = (parts: readonly Part[], role: Part['role']): readonly Part[] =>
  parts.filter((part) => part.role === role);

/** Buyers → gateway → queue → worker → Redis and Postgres, each with its state, and what flows between them. */
export function Pipeline() {
  const parts = useParts();
  const now = useNow(1_000);
  const flow = useFlow(now);
  const isUp = useData((data) => data.cluster.state === 'running') ?? false;
  // An attack counts for itself: the list of sales comes through a gateway, which is busy now.
  const remaining = useData(({ attack, sales }) =>
    isAttackActive(attack)
      ? attack?.remaining
      : (sales.find(({ id }) => id === attack?.saleId) ?? sales[0])?.counters.remaining,
  );
  const groups = useMemo(
    () => ({
      gateway: groupParts(byRole(parts, 'gateway')),
      rabbitmq: groupParts(byRole(parts, 'rabbitmq')),
      worker: groupParts(byRole(parts, 'worker')),
      redis: groupParts(byRole(parts, 'redis')),
      postgres: groupParts(byRole(parts, 'postgres')),
    }),
    [parts],
  );
  // Accepted and not decided, or still without RabbitMQ's confirm.
  const waiting = flow.queueDepth + flow.unconfirmed;
  const crowd = useMemo(
    () => (
      <>
        <CrowdDots count={waiting} />
        <DeadLetters count={flow.deadLettered} />
      </>
    ),
    [waiting, flow.deadLettered],
  );
  const askedPerSec = flow.acceptedPerSec + flow.rejectedPerSec;
  return (
    <figure className={`panel ${classes.figure}`} aria-label="The pipeline, from buyers to database">
      <div className={classes.pipeline}>
        <PipelineNode
          icon={icons.buyers}
          name="Buyers"
          plain="A crowd that presses “buy” at once."
          isLit={isUp}
          figure={compact(askedPerSec)}
          figureLabel="requests a second"
        >
          {surge}
        </PipelineNode>
        <Link
          perSec={askedPerSec}
          label="requests"
          note={flow.rejectedPerSec >= 0.5 ? `${compact(flow.rejectedPerSec)}/s rejected` : undefined}
        />
        <PipelineNode
          icon={icons.gateway}
          name="Gateway"
          group={groups.gateway}
          now={now}
          plain="The entrance. Accepts (202) or rejects."
          isLit={isUp}
        >
          {gatewayScale}
        </PipelineNode>
        <Link
          perSec={flow.acceptedPerSec}
          label="accepted"
          note={flow.framesPerSec >= 0.5 ? `in ${compact(flow.framesPerSec)} frames/s` : undefined}
        />
        <PipelineNode
          icon={icons.queue}
          name="RabbitMQ"
          group={groups.rabbitmq}
          now={now}
          plain="The queue. Stores what was accepted."
          isLit={isUp}
          figure={whole(waiting)}
          figureLabel="queue depth"
        >
          {crowd}
        </PipelineNode>
        <Link perSec={flow.decidedPerSec} label="decided" />
        <PipelineNode
          icon={icons.worker}
          name="Worker"
          group={groups.worker}
          now={now}
          plain="The clerk. Grants or refuses, in order."
          isLit={isUp}
        >
          {workerScale}
        </PipelineNode>
        <Fork decidedPerSec={flow.decidedPerSec} committedPerSec={flow.committedPerSec} />
        <div className={classes.stores}>
          <PipelineNode
            isSmall
            icon={icons.redis}
            name="Redis"
            group={groups.redis}
            now={now}
            plain="The counter. Knows what is left."
            isLit={isUp}
            figure={remaining === undefined ? undefined : whole(remaining)}
            figureLabel="left"
          />
          <PipelineNode
            isSmall
            icon={icons.postgres}
            name="Postgres"
            group={groups.postgres}
            now={now}
            plain="The ledger. One row per ticket."
            isLit={isUp}
            figure={isUp ? percent(flow.filteredShare) : undefined}
            figureLabel="not written"
          />
        </div>
      </div>
    </figure>
  );
}
