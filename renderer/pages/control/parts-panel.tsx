import { byteSize, milliseconds } from '../../../contract/format.ts';
import { Group, Progress } from '@mantine/core';
import { BreakIt } from '../../components/break-it.tsx';
import { StateMark } from '../../components/state-mark.tsx';
import { formatDuration, formatUptime } from '../../lib/format.ts';
import { allPlaces, partPlace } from '../../lib/fault-places.ts';
import type { Part } from '../../lib/parts.ts';
import { useNow } from '../../lib/use-now.ts';
import { useParts } from '../../lib/use-parts.ts';
import { Connections } from './connections.tsx';
import classes from './parts-panel.module.css';

/** Every process of the cluster, each with a menu that breaks it. */
export function PartsPanel() {
  const parts = useParts();
  const now = useNow(1_000);
  return (
    <section className="panel" aria-label="Parts">
      <div className="panel-head">
        <h2>Parts</h2>
        <BreakIt places={allPlaces} isSmall />
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
              <th scope="col" data-detail>
                Lag
              </th>
              <th scope="col">Break</th>
            </tr>
          </thead>
          <tbody>
            {parts.map((part) => (
              <Row key={part.id} part={part} now={now} />
            ))}
          </tbody>
        </table>
      </div>
      <Connections />
    </section>
  );
}

interface RowProps {
  readonly part: Part;
  readonly now: number;
}

function Row({ part, now }: RowProps) {
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
      <td data-detail>{part.eventLoopLagMs === undefined ? '–' : milliseconds(part.eventLoopLagMs)}</td>
      <td>
        <BreakIt name={part.name} places={() => [partPlace(part.id)]} isDisabled={part.tone === 'idle'} />
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
