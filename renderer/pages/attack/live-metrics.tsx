import { whole, latency, milliseconds, percent } from '../../../contract/format.ts';
import { useData } from '../../store/store.ts';
import classes from './live-metrics.module.css';

/** The totals of the attack. */
export function LiveMetrics() {
  const attack = useData((data) => data.attack);
  const totals = useData((data) => data.series.totals);
  const last = useData((data) => data.series.points.at(-1));
  if (!attack || !totals) return null;
  const decided = totals.granted + totals.refused + totals.rejected;
  // The worker's counts arrive before the generator's. Until both are final, this shows the smaller one.
  const queued = totals.granted + totals.refused;
  const throughQueue = attack.load ? queued : Math.min(queued, attack.accepted);
  const p99 = attack.load
    ? latency(attack.load.latencyMs, 'p99')
    : last === undefined
      ? '–'
      : milliseconds(last.p99Ms);
  const rows = [
    { label: 'requests sent', value: whole(attack.sent) },
    { label: 'accepted (202)', value: whole(attack.accepted) },
    { label: 'decided by the worker', value: whole(throughQueue) },
    { label: 'rejected by the gateway', value: whole(attack.rejected) },
    { label: 'unknown (no clear answer)', value: whole(attack.unknown), isBad: attack.unknown > 0 },
    {
      label: attack.load ? 'answers a second' : 'answers a second, peak',
      value: whole(attack.load?.rps ?? totals.peakRps),
    },
    { label: 'queue depth, peak', value: whole(totals.peakQueueDepth) },
    {
      label: attack.load ? 'latency, p99' : 'latency now, p99',
      value: p99,
    },
    {
      label: 'never reached Postgres',
      value: decided > 0 ? percent(1 - totals.granted / decided) : '–',
      isGood: true,
    },
  ];
  return (
    <section className={`panel ${classes.box}`} aria-label="Metrics">
      <dl className={`facts ${classes.list}`}>
        {rows.map(({ label, value, isBad, isGood }) => (
          <div key={label} data-bad={isBad ?? false} data-good={isGood ?? false}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
