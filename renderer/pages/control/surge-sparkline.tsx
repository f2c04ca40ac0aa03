import { memo, useMemo } from 'react';
import { areaPath } from '../../lib/area-path.ts';
import { useData } from '../../store/store.ts';
import classes from './surge-sparkline.module.css';

const WIDTH = 120;
const HEIGHT = 28;
/** Half of the buffer: 15 s. */
const SHOWN = 150;

/** Requests a second over the last 15 s, as a small area chart. */
export const SurgeSparkline = memo(function SurgeSparkline() {
  const flow = useData((data) => data.flow);
  const path = useMemo(() => {
    const rates = (flow ?? [])
      .slice(-SHOWN)
      .map(({ acceptedPerSec, rejectedPerSec }) => acceptedPerSec + rejectedPerSec);
    return areaPath(rates, WIDTH, HEIGHT);
  }, [flow]);
  return (
    <svg className={classes.gauge} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden>
      <path d={path} />
    </svg>
  );
});
