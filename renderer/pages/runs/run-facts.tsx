import type { RunRecord } from '../../../contract/run-record.ts';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatLatency,
  formatMs,
  formatShare,
} from '../../lib/format.ts';
import classes from './run-facts.module.css';

type Facts = readonly (readonly [label: string, value: string])[];

/** Everything else that a record holds: audit, load, settings and environment. */
export function RunFacts({ record }: { readonly record: RunRecord }) {
  return (
    <div className={classes.groups}>
      {groupsOf(record).map(({ title, facts }) => (
        <section key={title} className={`panel ${classes.group}`} aria-label={title}>
          <h2>{title}</h2>
          <dl>
            {facts.map(([label, value]) => (
              <div key={label}>
                <dt>{label}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </div>
  );
}

function groupsOf({ audit, load, attack, environment, saleId, exitCode }: RunRecord): readonly {
  readonly title: string;
  readonly facts: Facts;
}[] {
  const { generator, latencyMs } = load;
  return [
    {
      title: 'Audit',
      facts: [
        ['stock', formatCount(audit.stock)],
        ['sold', formatCount(audit.sold)],
        ['granted', formatCount(audit.granted)],
        ['refused by the worker', formatCount(audit.refused)],
        ['undecided', formatCount(audit.pending)],
        ['lost', formatCount(audit.lost)],
        ['duplicated', formatCount(audit.duplicated)],
        ['oversold', formatCount(audit.oversold)],
        ['undersold', formatCount(audit.undersold)],
        ['looked up by the audit', formatCount(audit.unknownResolved)],
        ...(audit.isSaleClosed === undefined
          ? []
          : ([['sale closed at the end', audit.isSaleClosed ? 'yes' : 'no']] as const)),
        ['queue empty after', formatMs(audit.drainMs)],
        ['exit code', String(exitCode)],
      ],
    },
    {
      title: 'Load',
      facts: [
        ['sent', formatCount(load.sent)],
        ['accepted (202)', formatCount(load.acknowledged)],
        ['rejected by the gateway', formatCount(load.refused)],
        ['no clear answer', formatCount(load.unknown)],
        ...((load.unsent ?? 0) > 0 ? ([['not sent', formatCount(load.unsent ?? 0)]] as const) : []),
        ['answers a second', formatCount(load.rps)],
        ['duration', formatMs(load.durationMs)],
        ['latency p50', formatLatency(latencyMs, 'p50')],
        ['latency p90', formatLatency(latencyMs, 'p90')],
        ['latency p99', formatLatency(latencyMs, 'p99')],
        ['latency p99.9', formatLatency(latencyMs, 'p999')],
        ['latency, longest', formatLatency(latencyMs, 'max')],
        ...Object.entries(load.statusCounts).map(
          ([status, count]) => [`HTTP ${status}`, formatCount(count)] as const,
        ),
      ],
    },
    {
      title: 'Generator and settings',
      facts: [
        ['processes', formatCount(generator.processes)],
        ['loop lag, longest', formatMs(generator.eventLoopLagMaxMs)],
        ['loop lag p99', formatMs(generator.eventLoopLagP99Ms)],
        ['CPU of one core', formatShare(generator.cpuShare)],
        ['rate reached', formatShare(generator.rateReached)],
        ['was the limit', generator.limits.length === 0 ? 'no' : generator.limits.join(' ')],
        ['profile', attack.profile],
        ...(attack.profile === 'sustained'
          ? ([
              ['rate', `${formatCount(attack.ratePerSec)}/s`],
              ['for', formatDuration(attack.durationSec * 1_000)],
            ] as const)
          : []),
        ['connections', formatCount(attack.connections)],
        ['tickets for one buyer', formatCount(attack.perBuyerLimit)],
        ['mode', attack.mode],
        ['seed', String(attack.seed)],
        ['sale', saleId],
      ],
    },
    {
      title: 'Environment',
      facts: [
        ['FlashGrid', environment.flashgrid],
        ['backends', environment.provider],
        ['RabbitMQ', environment.engines.rabbitmq],
        ['Redis', environment.engines.redis],
        ['Postgres', environment.engines.postgres],
        ['gateways', formatCount(environment.gateways)],
        ['workers', formatCount(environment.workers)],
        ['Node', environment.node],
        ['system', environment.os],
        ['processor', environment.cpu],
        ['cores', formatCount(environment.cores)],
        ['memory', formatBytes(environment.memoryBytes)],
      ],
    },
  ];
}
