import { byteSize, milliseconds } from '../../../contract/format.ts';
import { Group, Progress, Switch } from '@mantine/core';
import { useState } from 'react';
import { callOrNotify } from '../../client.ts';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { StateMark } from '../../components/state-mark.tsx';
import { formatDuration, formatUptime } from '../../lib/format.ts';
import type { Part } from '../../lib/parts.ts';
import { useNow } from '../../lib/use-now.ts';
import { useParts } from '../../lib/use-parts.ts';
import { useIsOnline } from '../../store/store.ts';
import classes from './parts-panel.module.css';

/** Every process of the cluster, each with a button that kills it if you ask for it. */
export function PartsPanel() {
  const parts = useParts();
  const now = useNow(1_000);
  const [isBreaking, setBreaking] = useState(false);
  return (
    <section className="panel" aria-label="Parts">
      <div className="panel-head">
        <h2>Parts</h2>
        <Switch
          label="Break it on purpose"
          color="red"
          checked={isBreaking}
          onChange={(event) => setBreaking(event.currentTarget.checked)}
        />
      </div>
      <div className={classes.scroll} tabIndex={0} role="region" aria-label="Table of parts">
        <table className={`table small ${classes.table}`}>
          <thead>
            <tr>
              <th scope="col">Part</th>
              <th scope="col">State</th>
              <th scope="col" data-detail>
                Version
              </th>
              <th scope="col">Port</th>
              <th scope="col">Up</th>
              <th scope="col">CPU</th>
              <th scope="col">Memory</th>
              {isBreaking ? <th scope="col">Break</th> : <th scope="col">Lag</th>}
            </tr>
          </thead>
          <tbody>
            {parts.map((part) => (
              <Row key={part.id} part={part} now={now} isBreaking={isBreaking} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

interface RowProps {
  readonly part: Part;
  readonly now: number;
  readonly isBreaking: boolean;
}

function Row({ part, now, isBreaking }: RowProps) {
  return (
    <tr>
      <th scope="row">
        {part.name}
        {part.handle === undefined ? null : (
          <span className={`faint tiny ${classes.note}`}>{part.handle}</span>
        )}
      </th>
      <td title={part.detail}>
        <StateMark tone={part.tone}>{part.state}</StateMark>
        {part.restarts !== undefined && part.restarts > 0 ? (
          <span className={`faint tiny ${classes.note}`}>
            {part.restarts === 1 ? 'restarted once' : `restarted ${part.restarts} times`}
          </span>
        ) : null}
        {(part.tone === 'bad' || ['restarting', 'running'].includes(part.state)) &&
        part.detail !== undefined ? (
          <span className={`faint tiny ${classes.note}`}>
            {part.detail}
            {part.sinceMs === undefined ? '' : ` For ${formatDuration(now - part.sinceMs)}.`}
          </span>
        ) : null}
      </td>
      <td data-detail>{part.version ?? '–'}</td>
      <td>{part.port ?? '–'}</td>
      <td>{part.startedAtMs === undefined ? '–' : formatUptime(now - part.startedAtMs)}</td>
      <td>
        <Cpu percent={part.cpuPercent} />
      </td>
      <td>{part.memoryBytes === undefined ? '–' : byteSize(part.memoryBytes)}</td>
      <td>
        {isBreaking ? (
          <KillButton part={part} />
        ) : part.eventLoopLagMs === undefined ? (
          '–'
        ) : (
          milliseconds(part.eventLoopLagMs)
        )}
      </td>
    </tr>
  );
}

function Cpu({ percent }: { readonly percent: number | undefined }) {
  if (percent === undefined) return <>–</>;
  return (
    <Group gap="xs" wrap="nowrap">
      <Progress value={percent} color="var(--sky)" size="0.4rem" w="3rem" data-detail aria-hidden />
      {`${Math.round(percent)} %`}
    </Group>
  );
}

const consequences: Readonly<Record<Part['role'], string>> = {
  rabbitmq:
    'RabbitMQ ends at once, as in a crash. Within a second the gateway answers 503, until RabbitMQ is back. Every confirmed message must still be there then.',
  redis:
    'Redis ends at once and loses its counters. Workers rebuild them from Postgres; nothing may be sold twice.',
  postgres:
    'Postgres ends at once. Workers keep their frames and retry until it is back; no ticket is stored twice.',
  gateway:
    'This gateway ends at once. Requests in flight get no answer; the audit looks up what became of them.',
  worker:
    'This worker ends at once, in the middle of a frame. RabbitMQ delivers its frames to another worker.',
};

function KillButton({ part }: { readonly part: Part }) {
  const isOnline = useIsOnline();
  const kill = async (): Promise<void> => {
    await callOrNotify('faults.breakPart', { kind: 'kill', target: part.id });
  };
  return (
    <ConfirmButton
      size="compact-sm"
      color="red"
      variant="light"
      name={`Kill ${part.name}`}
      disabled={!isOnline || part.tone === 'idle'}
      title={`Kill ${part.name}?`}
      text={consequences[part.role]}
      confirmLabel={`Kill ${part.name}`}
      onConfirm={kill}
    >
      Kill
    </ConfirmButton>
  );
}
