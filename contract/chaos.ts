/** Faults from a seed: a random schedule for one attack (`--chaos`), and the cells of the matrix. */
import type { AttackSettingsInput } from './attack-settings.ts';
import { MAX_FAULTS, faultText, type FaultMoment, type FaultSpec } from './fault-syntax.ts';
import {
  FAULT_KINDS,
  allTargets,
  faultKind,
  kindsOn,
  memberOf,
  targetsOn,
  type FaultKind,
} from './faults.ts';
import { MODEL_GUARDS, modelSettings } from './model-cells.ts';

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
      : String(
          between(random, value.default / 2, value.default * 2) *
            // Only where a sign makes a difference: of other kinds, a seed means what it always did.
            (value.min < 0 && random() < 0.5 ? -1 : 1),
        ));
  return {
    ...(chosen === undefined ? {} : { value: chosen }),
    ...(lastsMs === undefined ? {} : { lengthMs: between(random, lastsMs / 4, lastsMs) }),
  };
}

/** A step of a rebuild is reached only when there is one: Redis is flushed for it. */
/** ms that such a step is waited for, at least: the flush comes a little later, and much later on a busy machine. */
const REBUILD_WAIT_MS = 3_000;
const needsRebuild = (target: string) => target.includes('.rebuild-');

/** One fault of that kind and target, from the seed, with what it needs to have an effect a moment later. */
function faultsAt(
  kind: FaultKind,
  target: string,
  [at, later]: readonly [FaultMoment, FaultMoment],
  random: () => number,
): FaultSpec[] {
  const fault: FaultSpec = { kind, target, at, ...detailsOf(kind, random) };
  if (!needsRebuild(target)) return [fault];
  const lengthMs = Math.max(fault.lengthMs ?? 0, REBUILD_WAIT_MS);
  return [
    { ...fault, lengthMs },
    { kind: 'flush', target: 'redis', at: later },
  ];
}

const atPercent = (percent: number) => [{ percent }, { percent: percent + 2 }] as const;
const atMs = (afterMs: number) => [{ afterMs }, { afterMs: afterMs + 200 }] as const;

/** Seconds between two faults of an attack that lasts. */
const CHAOS_EVERY_SEC = 10;

const AFTER_COMMIT = 'worker.after-commit';

/** Kinds that a random schedule leaves out: a frozen machine makes a run under a rate invalid, and only requests with keys can come twice. */
const NOT_RANDOM: readonly FaultKind[] = ['freeze', 'resend'];

/**
 * A random schedule; the same for the same seed.
 * @param durationSec of an attack under a rate: one fault every ten seconds; any other gets three to six
 * @param sellsOut whether more is asked for than there is: once all is sold, no worker comes to a commit
 * @param highlyAvailable whether the cluster has members, which are broken too then
 */
export function chaosFaults(
  seed: number,
  durationSec?: number,
  sellsOut = false,
  highlyAvailable = false,
): string {
  const random = randomFrom(seed);
  const kinds = kindsOn(highlyAvailable).filter((kind) => !NOT_RANDOM.includes(kind));
  const isShort = durationSec === undefined || durationSec < 3 * CHAOS_EVERY_SEC;
  const count = isShort ? between(random, 3, 6) : Math.floor(durationSec / CHAOS_EVERY_SEC);
  return Array.from({ length: Math.min(count, MAX_FAULTS / 2) }, (_, at) => {
    const kind = pick(random, kinds);
    const targets = targetsOn(kind, highlyAvailable);
    const target = pick(random, sellsOut ? targets.filter((one) => one !== AFTER_COMMIT) : targets);
    const moments = isShort
      ? atPercent(5 + at * 14 + between(random, 0, 8))
      : atMs((at * CHAOS_EVERY_SEC + between(random, 1, 3)) * 1_000);
    return faultsAt(kind, target, moments, random);
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

/** The counterexamples of the model, beside the kinds of faults. */
export const MODEL_ROWS = 'model';
/** What `only` of `matrixCells` knows, besides the name of a single row (`kill:worker`, `model:NO_FENCE`). */
export const MATRIX_KINDS: readonly string[] = [...FAULT_KINDS, MODEL_ROWS];

/** Whether `only` may name it: a kind, or a single row. */
export const isMatrixRow = (name: string): boolean => matrixCells([1], [name]).length > 0;

/**
 * Every fault of the table with every target, and every counterexample of the model, once for each seed.
 * @param only kinds or rows to take; all by default
 * @param isQuick one target of each kind, another one with the next seed; every target by default
 * @param highlyAvailable whether the cluster has members to break; those that `only` names are there anyhow
 */
export function matrixCells(
  seeds: readonly number[],
  only: readonly string[] = MATRIX_KINDS,
  isQuick = false,
  highlyAvailable = false,
): MatrixCell[] {
  const isWanted = (fault: string) => {
    const [kind = '', target = ''] = fault.split(':');
    const isOn = kind === MODEL_ROWS || targetsOn(kind as FaultKind, highlyAvailable).includes(target);
    return only.includes(fault) || (only.includes(kind) && isOn);
  };
  return seeds.flatMap((seed) => {
    const rows = [...FAULT_KINDS.map((kind) => faultCells(kind, seed, highlyAvailable)), modelCells(seed)];
    return rows.flatMap((cells) =>
      cells
        .filter(({ fault }) => isWanted(fault))
        .filter((_, at, { length }) => !isQuick || at === seed % length),
    );
  });
}

function modelCells(seed: number): MatrixCell[] {
  return MODEL_GUARDS.flatMap((guard) => {
    const settings = modelSettings(guard, seed);
    return settings ? [{ fault: `${MODEL_ROWS}:${guard}`, seed, settings }] : [];
  });
}

function faultCells(kind: FaultKind, seed: number, highlyAvailable: boolean): MatrixCell[] {
  return allTargets(kind).map((target, at): MatrixCell => {
    const random = randomFrom(seed * 1_000_003 + FAULT_KINDS.indexOf(kind) * 101 + at);
    // What Redis loses late in a sale are refusals.
    const latest = target === 'redis' ? 90 : 40;
    const faults = faultsAt(kind, target, atPercent(between(random, 5, latest)), random);
    if (highlyAvailable || memberOf(target)) return failoverCell(`${kind}:${target}`, seed, faults, random);
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
        ...(kind === 'resend' ? { keys: 'own' as const } : {}),
        drainTimeoutMs: 120_000,
        faults: faults.map(faultText).join(' '),
      },
    };
  });
}

/** An attack that lasts longer than a failover, at a rate that a test machine holds with all members on it. */
function failoverCell(
  fault: string,
  seed: number,
  faults: readonly FaultSpec[],
  random: () => number,
): MatrixCell {
  const ratePerSec = pick(random, [100, 200, 300]);
  const durationSec = 20;
  const requests = ratePerSec * durationSec;
  return {
    fault,
    seed,
    settings: {
      profile: 'sustained',
      ratePerSec,
      durationSec,
      connections: 1_000,
      stock: between(random, requests * 0.6, requests * 1.1),
      seed,
      timeoutMs: 10_000,
      drainTimeoutMs: 120_000,
      faults: faults.map(faultText).join(' '),
    },
  };
}
