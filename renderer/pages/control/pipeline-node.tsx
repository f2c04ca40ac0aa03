import { byteSize } from '../../../contract/format.ts';
import { memo, type ReactNode } from 'react';
import { StateMark } from '../../components/state-mark.tsx';
import { formatUptime } from '../../lib/format.ts';
import type { PartGroup } from '../../lib/parts.ts';
import classes from './pipeline-node.module.css';

interface PipelineNodeProps {
  readonly icon: ReactNode;
  readonly name: string;
  /** Its task in one sentence, for newcomers. */
  readonly plain: string;
  readonly group?: PartGroup;
  /** ms; for the uptime. */
  readonly now?: number;
  readonly isLit: boolean;
  readonly isSmall?: boolean;
  readonly metric?: string | undefined;
  readonly metricLabel?: string;
  /** The button that breaks it. */
  readonly breaker?: ReactNode;
  readonly children?: ReactNode;
}

/** One part of the pipeline. Pass the same icon and children elements each time: new ones defeat the memo. */
export const PipelineNode = memo(function PipelineNode(props: PipelineNodeProps) {
  const {
    icon,
    name,
    plain,
    group,
    now,
    isLit,
    isSmall = false,
    metric,
    metricLabel,
    breaker,
    children,
  } = props;
  return (
    <section
      className={classes.node}
      data-lit={isLit}
      data-small={isSmall}
      data-tone={group?.tone ?? 'idle'}
      aria-label={name}
    >
      <div className={classes.head}>
        <span className={classes.icon} aria-hidden>
          {icon}
        </span>
        <h3 data-alone={group === undefined}>
          {name}
          {group && group.count > 1 ? <span className={classes.count}> ×{group.count}</span> : null}
        </h3>
        {group ? (
          <span className={classes.state}>
            <StateMark tone={group.tone}>{group.stateText}</StateMark>
          </span>
        ) : null}
        {isLit && breaker ? <span className={classes.breaker}>{breaker}</span> : null}
      </div>
      <p className={`muted small ${classes.plain}`}>{plain}</p>
      {isLit && metric !== undefined ? (
        <p className={classes.metric}>
          <strong>{metric}</strong> <span>{metricLabel}</span>
        </p>
      ) : null}
      {isLit ? children : null}
      {isLit && group ? <Facts group={group} now={now ?? 0} /> : null}
    </section>
  );
});

function Facts({ group, now }: { readonly group: PartGroup; readonly now: number }) {
  const [port] = group.ports;
  return (
    <dl className={`facts muted tiny ${classes.facts}`}>
      <div>
        <dt className="sr-only">Version</dt>
        <dd>{group.version}</dd>
        <dt className="sr-only">Port</dt>
        <dd>
          {port === undefined ? '' : `:${port}`}
          {group.ports.length > 1 ? ` +${group.ports.length - 1}` : ''}
        </dd>
      </div>
      <div>
        <dt>Up</dt>
        <dd>{group.startedAtMs === undefined ? '–' : formatUptime(now - group.startedAtMs)}</dd>
      </div>
      <div>
        <dt>CPU</dt>
        <dd>{group.cpuPercent === undefined ? '–' : `${Math.round(group.cpuPercent)} %`}</dd>
      </div>
      <div>
        <dt>Mem</dt>
        <dd>{group.memoryBytes === undefined ? '–' : byteSize(group.memoryBytes)}</dd>
      </div>
    </dl>
  );
}
