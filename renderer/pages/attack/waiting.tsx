import { whole } from '../../../contract/format.ts';
import { useData } from '../../store/store.ts';
import classes from './safe-transactions.module.css';

/** The queue in one number, for a hall. */
export function Waiting() {
  const now = useData(({ series }) => series.points.at(-1)?.queueDepth) ?? 0;
  const peak = useData(({ series }) => series.totals.peakQueueDepth) ?? 0;
  const isOtherShop = useData((data) => data.attack?.target !== undefined) ?? false;
  if (isOtherShop) return null;
  return (
    <section className={`panel ${classes.box}`} aria-label="Queue">
      <h2>Queue</h2>
      <p className={classes.metric}>
        <strong>{whole(now)}</strong> <span className="muted">waiting, peak {whole(peak)}</span>
      </p>
    </section>
  );
}
