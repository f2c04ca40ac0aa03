import { formatCount, formatMs, formatShare } from '../../lib/format.ts';
import { useData } from '../../store/store.ts';
import classes from './live-figures.module.css';

/** The running totals, in the words of the story. */
export function LiveFigures() {
  const attack = useData((data) => data.attack);
  const totals = useData((data) => data.series.totals);
  const last = useData((data) => data.series.points.at(-1));
  if (!attack || !totals) return null;
  const decided = totals.granted + totals.refusedByWorker + totals.refused;
  // The worker's counts come a moment before the generator's: until both are final, only who is in both is told.
  const queued = totals.granted + totals.refusedByWorker;
  const throughQueue = attack.load ? queued : Math.min(queued, attack.acknowledged);
  const p99Ms = attack.load?.latencyMs.p99 ?? last?.p99Ms;
  const rows = [
    { label: 'asked for a ticket', value: formatCount(attack.sent) },
    { label: 'got a place in line', value: formatCount(attack.acknowledged) },
    { label: 'went through the queue', value: formatCount(throughQueue) },
    { label: 'turned away at the door', value: formatCount(attack.refused) },
    { label: 'got no answer', value: formatCount(attack.unknown), isBad: attack.unknown > 0 },
    {
      label: attack.load ? 'answers a second' : 'answers a second, at the peak',
      value: formatCount(attack.load?.rps ?? totals.peakRps),
    },
    { label: 'longest queue', value: formatCount(totals.peakQueueDepth) },
    {
      label: attack.load ? 'answer time, slowest 1 %' : 'answer time now, slowest 1 %',
      value: p99Ms === undefined ? '–' : formatMs(p99Ms),
    },
    {
      label: 'never touched Postgres',
      value: decided > 0 ? formatShare(1 - totals.granted / decided) : '–',
      isGood: true,
    },
  ];
  return (
    <section className={`panel ${classes.box}`} aria-label="Figures">
      <dl className={classes.list}>
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
