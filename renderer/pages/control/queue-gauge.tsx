import { memo, useMemo } from 'react';
import { useData } from '../../store/store.ts';
import classes from './queue-gauge.module.css';

const WIDTH = 120;
const HEIGHT = 28;
/** Half of the buffer: 15 s. */
const SHOWN = 150;

/** The depth of the queue over the last quarter minute, as a small area. */
export const QueueGauge = memo(function QueueGauge() {
  const flow = useData((data) => data.flow);
  const path = useMemo(() => {
    const depths = (flow ?? []).slice(-SHOWN).map(({ queueDepth }) => queueDepth);
    return areaPath(depths, WIDTH, HEIGHT);
  }, [flow]);
  return (
    <svg className={classes.gauge} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden>
      <path d={path} />
    </svg>
  );
});

/** An SVG area under values, scaled to the highest of them (at least 10, so that one buyer is no mountain). */
export function areaPath(values: readonly number[], width: number, height: number): string {
  if (values.length < 2) return '';
  const top = Math.max(10, ...values);
  const step = width / (values.length - 1);
  const points = values.map(
    (value, index) => `${(index * step).toFixed(1)},${(height - (value / top) * height).toFixed(1)}`,
  );
  return `M0,${height} L${points.join(' L')} L${width},${height} Z`;
}
