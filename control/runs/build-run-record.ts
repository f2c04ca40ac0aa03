/** Judges a run: from load, audit and thresholds to verdict, reasons and exit code. */
import type { AttackSettings } from '../../contract/attack-settings.ts';
import { milliseconds, percent, plural, whole } from '../../contract/format.ts';
import { PLANTS, isFound } from '../../contract/plants.ts';
import { checkState } from '../../contract/checks.ts';
import { missedSlos, speedSlos } from '../../contract/slo.ts';
import { causeText, gaveUpText } from '../../contract/run-notes.ts';
import {
  RECORD_FORMAT,
  type Audit,
  type Environment,
  type FaultOutcome,
  type Incident,
  type Load,
  type RunRecord,
  type Sample,
  type Verdict,
} from '../../contract/run-record.ts';

/** Share of the rate. A sustained run that reached less is invalid when the generator was the limit. */
export const MIN_RATE_REACHED = 0.95;

export const EXIT_CODES = {
  pass: 0,
  auditFailed: 3,
  thresholdMissed: 4,
  invalid: 5,
  /** A part was missing: nothing is proven, and nothing is broken. */
  infrastructure: 6,
  cancelled: 130,
} as const;

export interface RunParts {
  readonly id: string;
  readonly saleId: string;
  readonly startedAtMs: number;
  /** Moment 0 of the series. */
  readonly firstRequestAtMs?: number | undefined;
  readonly finishedAtMs: number;
  readonly group?: RunRecord['group'];
  readonly target?: RunRecord['target'];
  readonly attack: AttackSettings;
  readonly faults?: RunRecord['faults'];
  readonly load: Load;
  readonly audit: Audit;
  /** `finished` by default. */
  readonly end?: RunRecord['end'];
  /** Why it has no audit, where it failed or was cancelled. */
  endReason?: string | undefined;
  /** What a planted defect changed, as a sentence. */
  planted?: string | undefined;
  readonly incidents?: Incident[];
  readonly clocks?: RunRecord['clocks'];
  readonly coverage?: RunRecord['coverage'];
  readonly latencyHeat?: RunRecord['latencyHeat'];
  readonly arrivals?: string | undefined;
  readonly environment: Environment;
  readonly series: Sample[];
}

export type JudgedParts = Pick<
  RunParts,
  | 'target'
  | 'attack'
  | 'load'
  | 'audit'
  | 'series'
  | 'incidents'
  | 'faults'
  | 'clocks'
  | 'end'
  | 'endReason'
  | 'planted'
>;

export interface Judgement {
  readonly verdict: Verdict;
  readonly exitCode: number;
  /** Why the verdict is not `pass`; empty when it is. */
  readonly reasons: string[];
  readonly speed?: RunRecord['speed'];
}

/** The record of a run, with its verdict. */
export function buildRunRecord(parts: RunParts): RunRecord {
  const { startedAtMs, firstRequestAtMs, finishedAtMs, faults = [], ...rest } = parts;
  // judgeRun puts it among the reasons.
  delete rest.endReason;
  delete rest.planted;
  return {
    schema: `flashgrid.run/${RECORD_FORMAT}`,
    ...rest,
    startedAt: new Date(startedAtMs).toISOString(),
    ...(faults.length === 0 ? {} : { faults }),
    ...(firstRequestAtMs === undefined ? {} : { firstRequestAt: new Date(firstRequestAtMs).toISOString() }),
    finishedAt: new Date(finishedAtMs).toISOString(),
    ...judgeRun(parts),
  };
}

/** The verdict, and whether there is one on the speed: not where load generator or machine were the limit. */
export function judgeRun(parts: JudgedParts): Judgement {
  const { load, incidents = [], attack, end = 'finished' } = parts;
  const stood = incidents.filter(
    ({ kind, part, ...when }) =>
      kind === 'paused' && ['machine', 'generator'].includes(part) && isWithin(load, when),
  );
  const withheld = end === 'finished' ? [...load.generator.limits, ...stood.map(({ text }) => text)] : [];
  if (withheld.length === 0) return judge(parts, attack);
  const { slo = '', maxP99Ms, minRps, ...others } = attack;
  const onSpeed = speedSlos(slo);
  const kept = slo.split(/\s+/).filter((one) => !onSpeed.includes(one));
  const notJudged = [
    ...onSpeed,
    ...(maxP99Ms === undefined ? [] : [`p99<=${maxP99Ms}ms`]),
    ...(minRps === undefined ? [] : [`rps>=${minRps}`]),
  ];
  const judgement = judge(parts, { ...others, slo: kept.join(' ') });
  const areAsked = [EXIT_CODES.pass, EXIT_CODES.thresholdMissed].some((code) => code === judgement.exitCode);
  const speed = { withheld, notJudged: areAsked ? notJudged : [] };
  if (judgement.verdict !== 'pass' || notJudged.length === 0) return { ...judgement, speed };
  return {
    verdict: 'invalid',
    exitCode: EXIT_CODES.invalid,
    reasons: [`Not judged, since the speed verdict is withheld: ${notJudged.join(', ')}.`],
    speed,
  };
}

const isWithin = ({ durationMs }: Load, { tMs, lengthMs = 0 }: Pick<Incident, 'tMs' | 'lengthMs'>) =>
  tMs + lengthMs > 0 && tMs < durationMs;

/**
 * The verdict. A broken check comes first: what was sold is a fact, however it was measured. Then what stayed
 * undecided because a part was missing: it proves nothing. Then measurements that can't be trusted:
 * thresholds mean nothing on them.
 */
function judge(
  {
    load,
    audit,
    incidents = [],
    faults = [],
    clocks = {},
    series,
    target,
    end,
    endReason,
    planted,
  }: JudgedParts,
  attack: AttackSettings,
): Judgement {
  if (end === 'cancelled' || end === 'failed') {
    return {
      verdict: 'invalid',
      exitCode: end === 'cancelled' ? EXIT_CODES.cancelled : EXIT_CODES.infrastructure,
      reasons: endReason === undefined ? [] : [endReason],
    };
  }
  const broken = audit.checks.filter((check) => checkState(check) === 'failed');
  const isOpen = audit.checks.some((check) => checkState(check) === 'open');
  if (broken.length > 0) {
    return {
      verdict: 'fail',
      exitCode: EXIT_CODES.auditFailed,
      reasons: [
        ...plantedReasons(attack, planted, broken),
        ...broken.map((check) => `Not proven: ${check.title}. ${check.evidence.summary}`),
      ],
    };
  }
  const missing = [...findMissing(load, target), ...(isOpen ? (audit.undecided ?? []) : [])];
  if (missing.length > 0)
    return { verdict: 'invalid', exitCode: EXIT_CODES.infrastructure, reasons: missing };
  if (attack.plant !== undefined)
    return {
      verdict: 'invalid',
      exitCode: EXIT_CODES.invalid,
      reasons: [...plantedReasons(attack, planted, []), 'The checks of the audit can’t be trusted.'],
    };
  const doubts = findDoubts(attack, load, incidents, faults, clocks);
  if (doubts.length > 0) return { verdict: 'invalid', exitCode: EXIT_CODES.invalid, reasons: doubts };
  const misses = [...findMisses(attack, load), ...missedSlos(attack.slo ?? '', { load, audit, series })];
  if (misses.length > 0) return { verdict: 'fail', exitCode: EXIT_CODES.thresholdMissed, reasons: misses };
  return { verdict: 'pass', exitCode: EXIT_CODES.pass, reasons: [] };
}

/** What was planted on purpose, and whether exactly that was found. */
function plantedReasons({ plant }: AttackSettings, planted = '', broken: Audit['checks']): string[] {
  if (plant === undefined) return [];
  const found = broken.map(({ id }) => id);
  const told = `Planted on purpose (${plant}): ${planted}`.trim();
  if (isFound(plant, found)) return [told];
  return [
    told,
    `It should break ${PLANTS[plant].breaks.join(', ')}, and broke ${found.join(', ') || 'nothing'}.`,
  ];
}

/** What was missing, so that the attack could not be carried out. */
function findMissing(load: Load, target: RunRecord['target']): string[] {
  if (load.gaveUp) return [gaveUpText(load.gaveUp, load.unsent, target && `Nothing at ${target.url}`)];
  if (load.sent === 0 || load.accepted > 0) return [];
  // A healthy system answers 4xx; any other cause means that a part is away.
  const isAway = Object.keys(load.causes ?? {}).some((cause) => !/^4\d\d\b/.test(cause));
  return isAway ? [noneAccepted(load)] : [];
}

function noneAccepted(load: Load): string {
  const causes =
    causeText(load.causes) ?? `${whole(load.rejected)} rejected, ${whole(load.unknown)} without an answer`;
  return `None of ${plural(load.sent, 'request')} was accepted (${causes}): the sale was not tested.`;
}

function findDoubts(
  attack: AttackSettings,
  load: Load,
  incidents: readonly Incident[],
  faults: readonly FaultOutcome[],
  clocks: NonNullable<RunRecord['clocks']>,
): string[] {
  const { limits, rateReached } = load.generator;
  if (load.sent === 0) return ['No request was sent: there is nothing to judge.'];
  if (load.accepted === 0) return [noneAccepted(load)];
  const idle = faults.filter(({ hadEffect }) => !hadEffect);
  if (idle.length > 0) return idle.map(({ fault, effect }) => `Fault without effect: ${fault}. ${effect}`);
  if (attack.profile !== 'burst') {
    const stood = incidents.filter(
      ({ kind, part, ...when }) => kind === 'paused' && part === 'machine' && isWithin(load, when),
    );
    if (stood.length > 0) return ['The rate was not held.', ...stood.map(({ text }) => text)];
  }
  // A generator that was late because of the system under test is a result, not a doubt.
  if (attack.profile === 'burst' || limits.length === 0 || rateReached >= MIN_RATE_REACHED) return [];
  if (load.systemLimit !== undefined) return [];
  const reached = `Only ${percent(rateReached)} of the rate was reached`;
  const lateness = Object.entries(clocks).map(([part, lateMs]) => `${part} ${milliseconds(lateMs)}`);
  const late = lateness.length === 0 ? [] : [`The most that event loops were late: ${lateness.join(', ')}.`];
  const services = Object.keys(clocks).filter((part) => part !== 'generator' && part !== 'control');
  const generator = clocks['generator'] ?? 0;
  // Both sides were late: neither delayed the other, the machine had too little time for both.
  if (generator > 0 && Math.max(0, ...services.map((part) => clocks[part] ?? 0)) >= generator / 2)
    return [`${reached}: the machine was too busy for load generator and system alike.`, ...late, ...limits];
  return [`${reached}, and the load generator was the limit, not the system under test.`, ...late, ...limits];
}

function findMisses(attack: AttackSettings, load: Load): string[] {
  const misses: string[] = [];
  if (attack.maxP99Ms !== undefined && load.latencyMs.p99 > attack.maxP99Ms)
    misses.push(
      `The p99 latency was ${milliseconds(load.latencyMs.p99)}; at most ${milliseconds(attack.maxP99Ms)} was asked for.`,
    );
  if (attack.minRps !== undefined && load.rps < attack.minRps)
    misses.push(
      `${whole(load.rps)} requests/s were answered; at least ${whole(attack.minRps)} were asked for.`,
    );
  return misses;
}
