import { memo } from 'react';
import type { ChartSpec, Metrics } from './chart-specs.ts';
import { SUMMARY_WORDS } from './chart-specs.ts';
import classes from './chart-legend.module.css';

interface ChartLegendProps {
  readonly spec: ChartSpec;
  readonly metrics: Metrics;
  /** A finished run shows its summary, a running one its present values. */
  readonly isOver: boolean;
}

/** Name and value of each line as text, so that no meaning depends on colour. */
export const ChartLegend = memo(function ChartLegend({ spec, metrics, isOver }: ChartLegendProps) {
  const word = isOver ? SUMMARY_WORDS[spec.summary] : undefined;
  return (
    <span className={classes.legend} data-live={!isOver}>
      {word === undefined ? null : <span>{word}</span>}
      {spec.lines.map((line) => (
        <span key={line.key} className={classes.entry}>
          <svg viewBox="0 0 14 10" aria-hidden>
            {line.kind === 'area' ? (
              <rect x="0" y="1" width="14" height="8" rx="2" fill={line.color} />
            ) : (
              <line
                x1="0"
                x2="14"
                y1="5"
                y2="5"
                stroke={line.color}
                strokeWidth="2.5"
                {...(line.isDashed ? { strokeDasharray: '4 2.5' } : {})}
              />
            )}
          </svg>
          <span>{line.label}</span>
          <b>{textOf(spec, metrics[line.key])}</b>
        </span>
      ))}
    </span>
  );
});

function textOf(spec: ChartSpec, value: number | undefined): string {
  return value === undefined ? '–' : spec.format(value);
}
