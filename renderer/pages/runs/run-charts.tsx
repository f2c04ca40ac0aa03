import { useMemo } from 'react';
import { stagesText } from '../../../contract/attack-text.ts';
import { marksOfRun } from '../../../contract/run-marks.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import { addSamples, dataEndMs, emptySeries } from '../../../contract/series.ts';
import { LEAST_SHOWN_MS, RecordCharts } from '../../charts/record-charts.tsx';
import { lastBefore, momentsOf } from '../../lib/replay.ts';
import { ReplayBar, ReplayFigures, useReplay } from './replay.tsx';

interface RunChartsProps {
  readonly record: RunRecord;
  readonly onPick: (tMs: number) => void;
}

/** The charts of a kept run, which can be replayed. */
export function RunCharts({ record, onPick }: RunChartsProps) {
  const { id, series: samples, attack, audit, load, target } = record;
  const series = useMemo(() => addSamples(emptySeries(id), samples), [id, samples]);
  const allPoints = useMemo(() => addSamples(emptySeries(id, Infinity), samples).points, [id, samples]);
  const marks = useMemo(() => marksOfRun(record), [record]);
  const moments = useMemo(() => momentsOf(samples, audit.stock), [samples, audit.stock]);
  const wholeMs = Math.max(LEAST_SHOWN_MS, dataEndMs(allPoints, marks));
  const replay = useReplay(wholeMs);
  const moment = moments[lastBefore(moments, replay.tMs)];
  if (!moment) return null;
  return (
    <>
      {samples.length === 0 ? null : <ReplayBar replay={replay} endMs={wholeMs} moment={moment} />}
      {replay.tMs < wholeMs ? (
        <ReplayFigures moment={moment} stock={audit.stock} isOtherShop={target !== undefined} />
      ) : null}
      <RecordCharts
        stages={stagesText(attack)}
        isOtherShop={target !== undefined}
        points={series.points}
        allPoints={allPoints}
        slo={attack.slo}
        stock={audit.stock}
        latencyMs={load.latencyMs}
        soldOutAtMs={series.totals.soldOutAtMs}
        marks={marks}
        wholeMs={wholeMs}
        untilMs={replay.tMs}
        onPick={onPick}
      />
    </>
  );
}
