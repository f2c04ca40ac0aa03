/**
 * The rate of an attack over time, as a list of stages: each goes evenly from one rate to another. A steady rate is one stage, a
 * ramp is one that rises; steps, a spike and a soak are several. Intended send times come from the integral.
 */

/** A stretch of time in which the rate goes evenly from one value to another. */
export interface Stage {
  readonly fromPerSec: number;
  readonly toPerSec: number;
  readonly lengthMs: number;
}

export const STAGES_FORM = 'RATE@LENGTH or FROM..TO@LENGTH, such as 0..2000@30s,2000@1m';
const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, min: 60_000, h: 3_600_000 };
const STAGE_LIMITS = { stages: 100, perSec: 200_000, lengthMs: 3_600_000 } as const;

/** A text that is no list of stages; the message says why and what would be one. */
export class StageSyntaxError extends Error {
  override readonly name = 'StageSyntaxError';
}

/** @throws StageSyntaxError that names the wrong stage */
export function parseStages(text: string): Stage[] {
  const stages = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(parseStage);
  if (stages.length === 0 || stages.length > STAGE_LIMITS.stages)
    throw new StageSyntaxError(`write 1 to ${STAGE_LIMITS.stages} stages: ${STAGES_FORM}`);
  if (paceOf(stages).endMs > STAGE_LIMITS.lengthMs)
    throw new StageSyntaxError('all stages together may last an hour (1h): shorten one');
  if (paceOf(stages).total === 0)
    throw new StageSyntaxError('no request is ever due: give a stage a rate above 0');
  return stages;
}

function parseStage(text: string): Stage {
  const wrong = (why: string) => new StageSyntaxError(`"${text}": ${why}`);
  const [, from, to = from, length, unit = ''] =
    /^(\d+)(?:\.\.(\d+))?@(\d+(?:\.\d+)?)([a-z]*)$/.exec(text) ?? [];
  if (from === undefined) throw wrong(`write ${STAGES_FORM}`);
  const unitMs = Object.hasOwn(UNITS_MS, unit) ? UNITS_MS[unit] : undefined;
  if (unitMs === undefined) throw wrong('a length takes the unit ms, s, m or h');
  const stage = {
    fromPerSec: Number(from),
    toPerSec: Number(to),
    lengthMs: Math.round(Number(length) * unitMs),
  };
  if (Math.max(stage.fromPerSec, stage.toPerSec) > STAGE_LIMITS.perSec)
    throw wrong(`a rate may be at most ${STAGE_LIMITS.perSec} a second`);
  if (stage.lengthMs < 1) throw wrong('a stage lasts at least 1ms');
  return stage;
}

/** `0..2000@30s`: a stage as it is written. */
export function stageText({ fromPerSec, toPerSec, lengthMs }: Stage): string {
  const unit = ['h', 'm', 's'].find((one) => lengthMs % (UNITS_MS[one] ?? 1) === 0) ?? 'ms';
  const rate = fromPerSec === toPerSec ? `${fromPerSec}` : `${fromPerSec}..${toPerSec}`;
  return `${rate}@${lengthMs / (UNITS_MS[unit] ?? 1)}${unit}`;
}

/** When each request of an attack is due. */
export interface Pace {
  /** Requests in all. */
  readonly total: number;
  readonly endMs: number;
  readonly peakPerSec: number;
  /** The moment at which request `index` (from 0) is to leave, in ms since the start. */
  dueMs(index: number): number;
  /** Requests due before a moment, with fractions: the integral of the rate. */
  dueBefore(ms: number): number;
}

/**
 * Twice the requests of a stage, times 1000: whole, so that sums of stages are exact and no request is lost to
 * rounding.
 */
const halfMillis = ({ fromPerSec, toPerSec, lengthMs }: Stage) => (fromPerSec + toPerSec) * lengthMs;
const HALF_MILLIS = 2_000;

export function paceOf(stages: readonly Stage[]): Pace {
  let [startMs, area] = [0, 0];
  const parts = stages.map((stage) => {
    const part = { ...stage, startMs, before: area / HALF_MILLIS, perMs: 0 };
    part.perMs = (stage.toPerSec - stage.fromPerSec) / stage.lengthMs;
    startMs += stage.lengthMs;
    area += halfMillis(stage);
    return { ...part, after: area / HALF_MILLIS };
  });
  const within = (ms: number, { fromPerSec, perMs }: (typeof parts)[number]) =>
    (ms * (fromPerSec + (perMs * ms) / 2)) / 1_000;
  return {
    total: Math.ceil(area / HALF_MILLIS),
    endMs: startMs,
    peakPerSec: Math.max(...stages.flatMap(({ fromPerSec, toPerSec }) => [fromPerSec, toPerSec])),
    dueMs: (index) => {
      for (const part of parts) {
        const rest = index - part.before;
        if (index >= part.after) continue;
        if (rest <= 0) return part.startMs;
        // Solved for the time, in the form that also holds where the rate hardly changes.
        const root = Math.sqrt(Math.max(0, part.fromPerSec ** 2 + 2_000 * part.perMs * rest));
        return part.startMs + (2_000 * rest) / (part.fromPerSec + root);
      }
      return startMs;
    },
    dueBefore: (ms) => {
      const part = parts.findLast((one) => ms > one.startMs);
      return part ? part.before + within(Math.min(ms - part.startMs, part.lengthMs), part) : 0;
    },
  };
}
