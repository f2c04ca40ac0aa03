/** Faults from a seed: a random schedule for one attack (`--chaos`), and the cells of the matrix. */
import type { AttackSettingsInput } from './attack-settings.ts';
import {
  FAULT_KINDS,
  faultKind,
  faultText,
  type FaultKind,
  type FaultMoment,
  type FaultSpec,
} from './faults.ts';

/** Numbers from a seed, 0..1 (mulberry32); the same on every machine. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<Value>(random: () => number, values: readonly Value[]): Value {
  const value = values[Math.floor(random() * values.length)];
  if (value === undefined) throw new Error('nothing to pick from');
  return value;
}

/** A whole number from `min` to `max`. */
const between = (random: () => number, min: number, max: number) => Math.round(min + random() * (max - min));

/** Length in ms and value of a kind, from the seed. */
function detailsOf(kind: FaultKind, random: () => number): Pick<FaultSpec, 'lengthMs' | 'value'> {
  const { lastsMs, value } = faultKind(kind);
  const chosen =
    value &&
    ('choices' in value
      ? pick(random, value.choices)
      : String(between(random, value.default / 2, value.default * 2)));
  return {
    ...(chosen === undefined ? {} : { value: chosen }),
    ...(lastsMs === undefined ? {} : { lengthMs: between(random, lastsMs / 4, lastsMs) }),
  };
}

/** A step of a rebuild is reached only when there is one: Redis is flushed for it. */
const needsRebuild = (target: string) => target.includes('.rebuild-');

/** One fault of that kind and target, at a moment from the seed, with what it needs to have an effect. */
function faultsAt(kind: FaultKind, target: string, percent: number, random: () => number): FaultSpec[] {
  const at: FaultMoment = { percent };
  const fault: FaultSpec = { kind, target, at, ...detailsOf(kind, random) };
  return needsRebuild(target)
    ? [fault, { kind: 'flush', target: 'redis', at: { percent: percent + 2 } }]
    : [fault];
}

/**
 * A random schedule of three to six faults; the same for the same seed. A machine that is frozen is left out,
 * since it makes a run under a rate invalid.
 */
export function chaosFaults(seed: number): string {
  const random = randomFrom(seed);
  const kinds = FAULT_KINDS.filter((kind) => kind !== 'freeze');
  const count = between(random, 3, 6);
  return Array.from({ length: count }, (_, at) => {
    const kind = pick(random, kinds);
    return faultsAt(kind, pick(random, faultKind(kind).targets), 5 + at * 14 + between(random, 0, 8), random);
  })
    .flat()
    .map(faultText)
    .join(' ');
}

/** One attack of the matrix. */
export interface MatrixCell {
  /** `kill:worker`, the row of the table. */
  readonly fault: string;
  readonly seed: number;
  readonly settings: AttackSettingsInput & { readonly faults: string };
}

/**
 * Every fault of the table with every target, once for each seed.
 * @param only kinds to take; all by default
 */
export function matrixCells(
  seeds: readonly number[],
  only: readonly FaultKind[] = FAULT_KINDS,
): MatrixCell[] {
  return seeds.flatMap((seed) =>
    only.flatMap((kind) =>
      faultKind(kind).targets.map((target, at): MatrixCell => {
        const random = randomFrom(seed * 1_000_003 + FAULT_KINDS.indexOf(kind) * 101 + at);
        const faults = faultsAt(kind, target, between(random, 5, 40), random);
        const requests = pick(random, [8_000, 12_000, 20_000]);
        return {
          fault: `${kind}:${target}`,
          seed,
          settings: {
            profile: 'burst',
            requests,
            connections: pick(random, [50, 100, 200]),
            // Sold out late: what Postgres meets must have something to write.
            stock: between(random, requests * 0.6, requests * 1.1),
            seed,
            // Shorter than the silence after which an attack gives up: a half-open link holds every connection.
            timeoutMs: 4_000,
            drainTimeoutMs: 120_000,
            faults: faults.map(faultText).join(' '),
          },
        };
      }),
    ),
  );
}
