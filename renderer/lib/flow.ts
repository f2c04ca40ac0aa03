/** The rates of the pipeline now, smoothed over half a second. */
import { useMemo } from 'react';
import type { FlowSample } from '../../contract/state.ts';
import { useData } from '../store/store.ts';

const SMOOTHED_SAMPLES = 5;
/** Samples older than this are not shown as current. */
const STALE_MS = 3_000;

export interface Flow {
  readonly acceptedPerSec: number;
  readonly framesPerSec: number;
  readonly decidedPerSec: number;
  readonly grantedPerSec: number;
  readonly committedPerSec: number;
  readonly rejectedPerSec: number;
  readonly queueDepth: number;
  readonly unconfirmed: number;
  readonly deadLettered: number;
  readonly filteredShare: number;
}

const NO_FLOW: Flow = {
  acceptedPerSec: 0,
  framesPerSec: 0,
  decidedPerSec: 0,
  grantedPerSec: 0,
  committedPerSec: 0,
  rejectedPerSec: 0,
  queueDepth: 0,
  unconfirmed: 0,
  deadLettered: 0,
  filteredShare: 0,
};

/** Rates are means over the last samples; depths are those of the last sample. */
export function smoothFlow(samples: readonly FlowSample[]): Flow {
  const recent = samples.slice(-SMOOTHED_SAMPLES);
  const last = recent.at(-1);
  if (!last) return NO_FLOW;
  const mean = (read: (sample: FlowSample) => number): number =>
    recent.reduce((sum, sample) => sum + read(sample), 0) / recent.length;
  return {
    acceptedPerSec: mean((sample) => sample.acceptedPerSec),
    framesPerSec: mean((sample) => sample.framesPerSec),
    decidedPerSec: mean((sample) => sample.decidedPerSec),
    grantedPerSec: mean((sample) => sample.grantedPerSec),
    committedPerSec: mean((sample) => sample.committedPerSec),
    rejectedPerSec: mean((sample) => sample.rejectedPerSec),
    queueDepth: last.queueDepth,
    unconfirmed: last.unconfirmed,
    deadLettered: last.deadLettered,
    filteredShare: last.filteredShare,
  };
}

/** The flow to draw. @param now ms; decides whether the last sample is still current */
export function useFlow(now: number): Flow {
  const samples = useData((data) => data.flow);
  return useMemo(() => {
    const last = samples?.at(-1);
    return samples && last && now - last.atMs < STALE_MS ? smoothFlow(samples) : NO_FLOW;
  }, [samples, now]);
}
