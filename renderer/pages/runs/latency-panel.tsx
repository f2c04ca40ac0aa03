import { useMemo } from 'react';
import { renderChart } from '../../../contract/charts/chart.ts';
import { curveChart, heatChart } from '../../../contract/charts/latency-charts.ts';
import { latencyRows } from '../../../contract/run-figures.ts';
import { layMarks, marksOfRun } from '../../../contract/run-marks.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import { TextTable } from '../../components/text-table.tsx';
import classes from './latency-panel.module.css';

/** How long answers took: by outcome and send time, by percentile, and over time. Records of earlier versions have none of it. */
export function LatencyPanel({ record }: { readonly record: RunRecord }) {
  const rows = latencyRows(record);
  const charts = useMemo(() => {
    const moments = layMarks(marksOfRun(record), record.latencyHeat?.columns.at(-1)?.tMs ?? 0);
    return [...curveChart(record), ...heatChart(record).map((spec) => ({ ...spec, moments }))].map(
      (spec) => ({
        id: spec.id,
        markup: renderChart(spec),
      }),
    );
  }, [record]);
  if (rows.length === 0 && charts.length === 0) return null;
  return (
    <section className={`panel ${classes.panel}`} aria-label="Latency">
      <h2>Latency</h2>
      <div className={classes.charts}>
        {charts.map(({ id, markup }) => (
          // The same picture as in the report; its template escapes each value.
          <div key={id} className={classes.chart} dangerouslySetInnerHTML={{ __html: markup.text }} />
        ))}
      </div>
      {rows.length > 0 ? (
        <TextTable name="Latency by outcome" className={classes.outcomes} rows={rows} figuresFrom={2} />
      ) : null}
    </section>
  );
}
