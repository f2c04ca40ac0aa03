import type { TooltipContentProps } from 'recharts';
import { formatAxis, type ChartSpec } from './chart-specs.ts';
import classes from './chart-tooltip.module.css';

type Injected = Partial<Pick<TooltipContentProps, 'active' | 'label' | 'payload'>>;

/** The values at one moment. Recharts injects what is under the pointer. */
export function ChartTooltip({ spec, active, label, payload }: Injected & { readonly spec: ChartSpec }) {
  if (!active || !payload || payload.length === 0) return null;
  return (
    <div className={classes.tooltip}>
      <p className={classes.time}>{formatAxis(Math.round(Number(label) / 100) * 100)}</p>
      {payload.map((entry) => (
        <p key={String(entry.dataKey)} className={classes.row}>
          <span>{String(entry.name ?? '')}</span>
          <b>{typeof entry.value === 'number' ? spec.format(entry.value) : 'not known'}</b>
        </p>
      ))}
    </div>
  );
}
