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
import { BreakIt } from '../../components/break-it.tsx';
import { Members } from '../../components/members.tsx';
import { isAttackActive } from '../../lib/attack-phase.ts';
import { BREAKABLE_LINKS, linkPlace, partPlace, servicesPlace } from '../../lib/fault-places.ts';
import { useFlow } from '../../lib/flow.ts';
import { groupParts } from '../../lib/parts.ts';
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

/** The diagram draws the links of a gateway to Redis and Postgres nowhere else. */
const undrawnLinks = (['gateway-redis', 'gateway-postgres'] as const).filter((link) =>
  BREAKABLE_LINKS.includes(link),
);
const NODES = {
  gateway: {
    icon: <IconDoorEnter stroke={1.6} />,
    name: 'Gateway',
    plain: 'The entrance. Accepts (202) or rejects.',
    breaker: (
      <BreakIt
        name="Gateway"
        places={(services) => [servicesPlace('gateway', services), ...undrawnLinks.map(linkPlace)]}
      />
    ),
  },
  rabbitmq: {
    icon: <IconStack2 stroke={1.6} />,
    name: 'RabbitMQ',
    plain: 'The queue. Stores what was accepted.',
    breaker: <BreakIt name="RabbitMQ" places={() => [partPlace('rabbitmq')]} />,
  },
  worker: {
    icon: <IconGavel stroke={1.6} />,
    name: 'Worker',
    plain: 'The clerk. Grants or refuses, in order.',
    breaker: <BreakIt name="Worker" places={(services) => [servicesPlace('worker', services)]} />,
  },
  redis: {
    icon: <IconTicket stroke={1.6} />,
    name: 'Redis',
    plain: 'The counter. Knows what is left.',
    breaker: <BreakIt name="Redis" places={() => [partPlace('redis')]} />,
    children: <Members role="redis" />,
  },
  postgres: {
    icon: <IconDatabase stroke={1.6} />,
    name: 'Postgres',
    plain: 'The ledger. One row per ticket.',
    breaker: <BreakIt name="Postgres" places={() => [partPlace('postgres')]} />,
    children: <Members role="postgres" />,
  },
};
const crowdIcon = <IconUsersGroup stroke={1.6} />;
const surge = <SurgeSparkline />;
const gatewayScale = <ScaleStepper role="gateway" />;
const workerScale = <ScaleStepper role="worker" />;

/** Buyers → gateway → queue → worker → Redis and Postgres, each with its state, and what flows between them. */
export function Pipeline() {
  const parts = useParts();
  const now = useNow(1_000);
  const flow = useFlow(now);
  const isUp = useData((data) => data.cluster.state === 'running') ?? false;
  // An attack counts for itself: the list of sales comes through a gateway, which is busy now.
  const remaining = useData(({ attack, sales }) =>
    isAttackActive(attack) || (attack?.settings.sales ?? 1) > 1
      ? attack?.remaining
      : (sales.find(({ id }) => id === attack?.saleId) ?? sales[0])?.counters.remaining,
  );
  const groups = useMemo(() => {
    const groupOf = (role: keyof typeof NODES) => groupParts(parts.filter((part) => part.role === role));
    return {
      gateway: groupOf('gateway'),
      rabbitmq: groupOf('rabbitmq'),
      worker: groupOf('worker'),
      redis: groupOf('redis'),
      postgres: groupOf('postgres'),
    };
  }, [parts]);
  const node = (role: keyof typeof NODES) => ({ ...NODES[role], group: groups[role], now, isLit: isUp });
  // Accepted and not decided, or still without RabbitMQ's confirm.
  const waiting = flow.queueDepth + flow.unconfirmed;
  const crowd = useMemo(
    () => (
      <>
        <Members role="rabbitmq" />
        <CrowdDots count={waiting} />
        <DeadLetters count={flow.deadLettered} />
      </>
    ),
    [waiting, flow.deadLettered],
  );
  const askedPerSec = flow.acceptedPerSec + flow.rejectedPerSec;
  return (
    <figure className={`panel ${classes.frame}`} aria-label="The pipeline, from buyers to database">
      <div className={classes.pipeline}>
        <PipelineNode
          icon={crowdIcon}
          name="Buyers"
          plain="A crowd that presses “buy”."
          isLit={isUp}
          metric={compact(askedPerSec)}
          metricLabel="requests a second"
        >
          {surge}
        </PipelineNode>
        <Link
          id="buyers-gateway"
          perSec={askedPerSec}
          label="requests"
          note={flow.rejectedPerSec >= 0.5 ? `${compact(flow.rejectedPerSec)}/s rejected` : undefined}
        />
        <PipelineNode {...node('gateway')}>{gatewayScale}</PipelineNode>
        <Link
          id="gateway-rabbitmq"
          perSec={flow.acceptedPerSec}
          label="accepted"
          note={flow.framesPerSec >= 0.5 ? `in ${compact(flow.framesPerSec)} frames/s` : undefined}
        />
        <PipelineNode {...node('rabbitmq')} metric={whole(waiting)} metricLabel="queue depth">
          {crowd}
        </PipelineNode>
        <Link id="worker-rabbitmq" perSec={flow.decidedPerSec} label="decided" />
        <PipelineNode {...node('worker')}>{workerScale}</PipelineNode>
        <Fork decidedPerSec={flow.decidedPerSec} committedPerSec={flow.committedPerSec} />
        <div className={classes.stores}>
          <PipelineNode
            isSmall
            {...node('redis')}
            metric={remaining === undefined ? undefined : whole(remaining)}
            metricLabel="left"
          />
          <PipelineNode
            isSmall
            {...node('postgres')}
            metric={isUp ? percent(flow.filteredShare) : undefined}
            metricLabel="not written"
          />
        </div>
      </div>
    </figure>
  );
}
