/**
 * A fault as people write it, in an attack's settings and in records: `KIND:TARGET[=VALUE]@MOMENT[+LENGTH]`,
 * such as `kill:worker@25%`, `pause:redis@1s+2s`, `restart:postgres@sold-out`. What can be broken: faults.ts.
 */
import { z } from 'zod';
import {
  FAULTS,
  FAULT_KINDS,
  MAX_FAULT_MS,
  allTargets,
  faultKind,
  isTarget,
  targetTitle,
  valueOf,
  valueText,
  type FaultKind,
} from './faults.ts';
import { milliseconds, plural } from './format.ts';

/** Moments that are no time: what must have happened. */
export const FAULT_EVENTS = {
  start: 'before the first request',
  'first-grant': 'the first ticket is granted',
  'sold-out': 'the last ticket is granted',
  drain: 'all requests are answered',
} as const;
export type FaultEvent = keyof typeof FAULT_EVENTS;

export type FaultMoment =
  /** ms since the first request. */
  | { readonly afterMs: number }
  /** Percent of the requests that are answered. */
  | { readonly percent: number }
  | { readonly event: FaultEvent };

export interface FaultSpec {
  readonly kind: FaultKind;
  readonly target: string;
  /** Of a kind that has one. */
  readonly value?: string;
  readonly at: FaultMoment;
  /** ms; of a kind that lasts. */
  readonly lengthMs?: number;
}

/** A fault to be made now. */
export const faultOrderSchema = z
  .strictObject({
    kind: z.enum(FAULT_KINDS),
    target: z.string().max(100),
    value: z.string().max(20).optional(),
    lengthMs: z.number().int().min(1).max(MAX_FAULT_MS).optional(),
  })
  .transform(({ kind, target, value: given, lengthMs }, issues): Omit<FaultSpec, 'at'> => {
    const { lastsMs } = faultKind(kind);
    if (!isTarget(kind, target))
      issues.addIssue({
        code: 'custom',
        path: ['target'],
        message: `must be one of ${allTargets(kind).join(', ')}`,
      });
    const value = valueOf(kind, given);
    if (value === null)
      issues.addIssue({ code: 'custom', path: ['value'], message: `must be ${valueText(kind)}` });
    return {
      kind,
      target,
      ...(typeof value === 'string' ? { value } : {}),
      ...(lastsMs === undefined ? {} : { lengthMs: lengthMs ?? lastsMs }),
    };
  });

/** A schedule that can't be read: which fault, why, and what to write. */
export class FaultSyntaxError extends Error {
  override readonly name = 'FaultSyntaxError';
}

export const MAX_FAULTS = 1_000;
/** How one is written, in a few words. */
export const FAULT_FORM = 'KIND:TARGET[=VALUE]@MOMENT[+LENGTH], such as kill:worker@25% or pause:redis@1s+2s';

/**
 * Reads faults that are separated by spaces.
 * @throws FaultSyntaxError
 */
export function parseFaults(text: string): FaultSpec[] {
  const words = text.split(/\s+/).filter((word) => word !== '');
  if (words.length > MAX_FAULTS) throw new FaultSyntaxError(`at most ${MAX_FAULTS} faults fit in one attack`);
  return words.map(parseFault);
}

function parseFault(word: string): FaultSpec {
  const wrong = (why: string): FaultSyntaxError => new FaultSyntaxError(`"${word}": ${why}`);
  const parts = /^([a-z-]+):([a-z0-9.-]+)(?:=([^@]*))?@([^+]+)(?:\+(.+))?$/.exec(word);
  const [, name = '', target = '', given, moment = '', length] = parts ?? [];
  if (!parts) throw wrong(`write ${FAULT_FORM}`);
  if (!Object.hasOwn(FAULTS, name))
    throw wrong(`there is no fault "${name}"; take ${FAULT_KINDS.join(', ')}`);
  const kind = name as FaultKind;
  const { lastsMs } = faultKind(kind);
  if (!isTarget(kind, target))
    throw wrong(`${kind} has no target "${target}"; take ${allTargets(kind).join(', ')}`);
  const at = momentOf(moment);
  if (at === undefined)
    throw wrong(
      `"${moment}" is no moment; take a time (500ms, 2s), a share of the requests (25%), or ${Object.keys(FAULT_EVENTS).join(', ')}`,
    );
  const value = valueOf(kind, given);
  if (value === null) throw wrong(`${kind} takes ${valueText(kind)}`);
  const base = { kind, target, ...(value === undefined ? {} : { value }), at };
  if (lastsMs === undefined) {
    if (length !== undefined) throw wrong(`${kind} is over at once: leave out +${length}`);
    return base;
  }
  const lengthMs = length === undefined ? lastsMs : timeOf(length);
  if (lengthMs === undefined || lengthMs === 0)
    throw wrong(`"${length}" is no length; take 500ms or 2s, at most ${MAX_FAULT_MS / 1_000}s`);
  return { ...base, lengthMs };
}

function timeOf(text: string): number | undefined {
  const [, figure, unit] = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text) ?? [];
  if (figure === undefined) return undefined;
  const ms = Math.round(Number(figure) * (unit === 's' ? 1_000 : 1));
  return ms <= MAX_FAULT_MS ? ms : undefined;
}

function momentOf(text: string): FaultMoment | undefined {
  if (Object.hasOwn(FAULT_EVENTS, text)) return { event: text as FaultEvent };
  const [, percent] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? [];
  if (percent !== undefined) return Number(percent) <= 100 ? { percent: Number(percent) } : undefined;
  const afterMs = timeOf(text);
  return afterMs === undefined ? undefined : { afterMs };
}

const timeText = (ms: number) => (ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`);

function momentText(at: FaultMoment): string {
  if ('event' in at) return at.event;
  return 'percent' in at ? `${at.percent}%` : timeText(at.afterMs);
}

/** A fault as it is written: what `parseFaults` reads. */
export function faultText({ kind, target, value, at, lengthMs }: FaultSpec): string {
  return `${kind}:${target}${value === undefined ? '' : `=${value}`}@${momentText(at)}${lengthMs === undefined ? '' : `+${timeText(lengthMs)}`}`;
}

/** `worker killed`, `Redis paused for 2.0 s`, for titles and marks. */
export function faultTitle({ kind, target, lengthMs }: Omit<FaultSpec, 'at'>): string {
  const name = targetTitle(target);
  return `${name} ${FAULTS[kind].done}${lengthMs === undefined ? '' : ` for ${milliseconds(lengthMs)}`}`;
}

/** The fault that a record names; `undefined` for a kind of a later version. */
export function recordedFault(fault: string): FaultSpec | undefined {
  try {
    return parseFaults(fault)[0];
  } catch {
    return undefined;
  }
}

/** `worker-1, worker-2 killed`: what was really hit. A kind of a later version is told as it was written. */
export function outcomeTitle({ fault, target }: { readonly fault: string; readonly target: string }): string {
  const spec = recordedFault(fault);
  return spec ? faultTitle({ ...spec, target }) : fault;
}

/** What several faults are called in a title: the fault itself if it is the only one. */
export function faultsTitle(text: string): string | undefined {
  const faults = parseFaults(text);
  const [only] = faults;
  if (only === undefined) return undefined;
  return faults.length === 1 ? faultTitle(only) : plural(faults.length, 'fault');
}
