/** The faults of an attack as the form changes them. Their text stays the draft: it is what the terminal takes. */
import {
  FAULT_EVENTS,
  FaultSyntaxError,
  faultText,
  parseFaults,
  type FaultEvent,
  type FaultMoment,
  type FaultSpec,
} from '../../contract/fault-syntax.ts';
import { allTargets, faultKind, isTarget, valueOf, type FaultKind } from '../../contract/faults.ts';
import { axisEndMs, axisTicks, formatAxis } from '../charts/chart-specs.ts';

/** The faults of a text; `undefined` when it was written by hand and can't be read. */
export function readFaults(text: string): readonly FaultSpec[] | undefined {
  try {
    return parseFaults(text);
  } catch (error) {
    if (error instanceof FaultSyntaxError) return undefined;
    throw error;
  }
}

export const writeFaults = (faults: readonly FaultSpec[]): string => faults.map(faultText).join(' ');

/** What a fault is at first. */
export const NEW_FAULT: FaultSpec = { kind: 'kill', target: 'worker', at: { percent: 25 } };

/** Another fault at the same moment. It keeps its target, value and length if it can have them. */
export function withKind({ target, value: before, at, lengthMs }: FaultSpec, kind: FaultKind): FaultSpec {
  const { lastsMs } = faultKind(kind);
  const [first = target] = allTargets(kind);
  const value = valueOf(kind, before) ?? valueOf(kind, undefined) ?? undefined;
  return {
    kind,
    target: isTarget(kind, target) ? target : first,
    ...(value === undefined ? {} : { value }),
    at,
    ...(lastsMs === undefined ? {} : { lengthMs: lengthMs ?? lastsMs }),
  };
}

/** What a kind can hit: the targets of the table, and what runs by its name: services, and members if there are any. */
export function targetsOf(
  { kind, target }: FaultSpec,
  serviceIds: readonly string[],
  members: readonly string[] = [],
): readonly string[] {
  const ids = [...serviceIds, ...members].filter((id) => isTarget(kind, id));
  return [...new Set([...(members.length > 0 ? allTargets(kind) : faultKind(kind).targets), ...ids, target])];
}

/** The ways to say when, each with a moment to begin with. */
export const MOMENTS = {
  time: { label: 'after a time', start: { afterMs: 1_000 } },
  share: { label: 'after a share', start: { percent: 25 } },
  event: { label: 'at an event', start: { event: 'first-grant' } },
} as const satisfies Readonly<Record<string, { readonly label: string; readonly start: FaultMoment }>>;
export type MomentKind = keyof typeof MOMENTS;

export function momentKind(at: FaultMoment): MomentKind {
  if ('event' in at) return 'event';
  return 'percent' in at ? 'share' : 'time';
}

/** A fault on a lane of the timeline; `from` and `to` are shares of its length. */
export interface TimelineMark {
  /** Its place in the list, from 1. */
  readonly number: number;
  readonly from: number;
  /** Of a fault whose end is known. */
  readonly to?: number;
  /** Line of the lane: marks that are close to each other have different ones. */
  readonly row: number;
}

export interface TimelineLane {
  readonly title: string;
  readonly ticks: readonly (readonly [at: number, label: string])[];
  readonly marks: readonly TimelineMark[];
}

const EVENTS = Object.keys(FAULT_EVENTS) as FaultEvent[];
/** Marks that are closer than this share of a lane overlap. */
const CLOSE = 0.05;

/**
 * One lane for each way to say when, since nobody knows beforehand how long a burst takes or when it is sold out. Lanes
 * without a fault are left out.
 */
export function timelineOf(faults: readonly FaultSpec[], durationMs = 0): readonly TimelineLane[] {
  const lastMs = faults.map(({ at, lengthMs = 0 }) => ('afterMs' in at ? at.afterMs + lengthMs : 0));
  const endMs = axisEndMs(Math.max(durationMs, ...lastMs));
  const lanes: Readonly<Record<MomentKind, Pick<TimelineLane, 'title' | 'ticks'>>> = {
    time: {
      title: 'Time since the first request',
      ticks: axisTicks(endMs).map((tMs) => [tMs / endMs, formatAxis(tMs)]),
    },
    share: {
      title: 'Share of the requests that are answered',
      ticks: [0, 25, 50, 75, 100].map((percent) => [percent / 100, `${percent} %`]),
    },
    event: { title: 'Events', ticks: EVENTS.map((event) => [placeOf(event), event]) },
  };
  return (Object.keys(lanes) as MomentKind[]).flatMap((kind) => {
    const marks: TimelineMark[] = [];
    faults.forEach(({ at, lengthMs }, index) => {
      if (momentKind(at) !== kind) return;
      const from =
        'event' in at ? placeOf(at.event) : 'percent' in at ? at.percent / 100 : at.afterMs / endMs;
      const to = 'afterMs' in at && lengthMs !== undefined ? (at.afterMs + lengthMs) / endMs : undefined;
      const taken = marks.filter(
        (mark) => (mark.to ?? mark.from) > from - CLOSE && mark.from < (to ?? from) + CLOSE,
      );
      const rows = new Set(taken.map(({ row }) => row));
      const row = [...rows, rows.size].findIndex((_, line) => !rows.has(line));
      marks.push({ number: index + 1, from, ...(to === undefined ? {} : { to }), row });
    });
    return marks.length === 0 ? [] : [{ ...lanes[kind], marks }];
  });
}

const placeOf = (event: FaultEvent): number => EVENTS.indexOf(event) / (EVENTS.length - 1);
