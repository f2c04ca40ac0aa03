/** The rates of the pipeline now, smoothed over half a second. */
import { useMemo } from 'react';
import type { FlowSample } from '../../contract/state.ts';
import { useData } from '../store/store.ts';

const SMOOTHED_SAMPLES = 5;
/** Samples older than this are not shown as current. */
const STALE_MS = 3_000;

type Flow = Omit<FlowSample, 'atMs'>;

const RATES = [
  'acceptedPerSec',
  'framesPerSec',
  'decidedPerSec',
  'grantedPerSec',
  'committedPerSec',
  'rejectedPerSec',
] as const;

const NO_FLOW: Flow = {
  ...meansOf([]),
  queueDepth: 0,
  unconfirmed: 0,
  deadLettered: 0,
  filteredShare: 0,
};

function meansOf(samples: readonly FlowSample[]) {
  const mean = (rate: (typeof RATES)[number]): number =>
    samples.reduce((sum, sample) => sum + sample[rate], 0) / Math.max(1, samples.length);
  return Object.fromEntries(RATES.map((rate) => [rate, mean(rate)])) as Record<
    (typeof RATES)[number],
    number
  >;
}

/** Rates are means over the last samples; depths are those of the last sample. */
export function smoothFlow(samples: readonly FlowSample[]): Flow {
  const recent = samples.slice(-SMOOTHED_SAMPLES);
  return { ...NO_FLOW, ...recent.at(-1), ...meansOf(recent) };
}

/** The flow to draw. @param now ms; decides whether the last sample is still current */
export function useFlow(now: number): Flow {
  const samples = useData((data) => data.flow);
  return useMemo(() => {
    const last = samples?.at(-1);
    return samples && last && now - last.atMs < STALE_MS ? smoothFlow(samples) : NO_FLOW;
  }, [samples, now]);
}
