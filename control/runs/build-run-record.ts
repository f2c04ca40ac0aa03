/** Judges a run: from load, audit and thresholds to verdict, reasons and exit code. */
import type { AttackSettings } from '../../contract/attack-settings.ts';
import { milliseconds, percent, plural, whole } from '../../contract/format.ts';
import { causeText, gaveUpText } from '../../contract/run-notes.ts';
import {
  RECORD_FORMAT,
  type Audit,
  type Environment,
  type Incident,
  type Load,
  type RunRecord,
  type Sample,
  type Verdict,
} from '../../contract/run-record.ts';

/** Under a rate: the share of requests sent in time below which a generator that was the limit makes the run invalid. */
export const MIN_RATE_REACHED = 0.95;

export const EXIT_CODES = {
  pass: 0,
  auditFailed: 3,
  thresholdMissed: 4,
  invalid: 5,
  /** A part was missing: nothing is proven and no promise is broken. */
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
  readonly attack: AttackSettings;
  readonly workersKilledAtMs?: number | undefined;
  readonly load: Load;
  readonly audit: Audit;
  /** `finished` by default. */
  readonly end?: RunRecord['end'];
  /** Why it has no audit, where it failed or was cancelled. */
  endReason?: string | undefined;
  readonly incidents?: Incident[];
  readonly clocks?: RunRecord['clocks'];
  readonly environment: Environment;
  readonly series: Sample[];
}

export type JudgedParts = Pick<
  RunParts,
  'attack' | 'load' | 'audit' | 'incidents' | 'clocks' | 'end' | 'endReason'
>;

export interface Judgement {
  readonly verdict: Verdict;
  readonly exitCode: number;
  /** Why the verdict is not `pass`; empty when it is. */
  readonly reasons: string[];
}

/** The record of a run, with its verdict. */
export function buildRunRecord(parts: RunParts): RunRecord {
  const { startedAtMs, firstRequestAtMs, finishedAtMs, workersKilledAtMs, ...rest } = parts;
  // The reason of an end without an audit is told among the reasons.
  delete rest.endReason;
  return {
    schema: `flashgrid.run/${RECORD_FORMAT}`,
    ...rest,
    startedAt: new Date(startedAtMs).toISOString(),
    ...(workersKilledAtMs === undefined ? {} : { workersKilledAtMs }),
    ...(firstRequestAtMs === undefined ? {} : { firstRequestAt: new Date(firstRequestAtMs).toISOString() }),
    finishedAt: new Date(finishedAtMs).toISOString(),
    ...judgeRun(parts),
  };
}

/**
 * The verdict. A broken promise outweighs all: what was sold is a fact, however it was measured. What is undecided because a part was
 * missing comes next: it proves nothing, and breaks nothing. A run whose figures can't be trusted follows, since its thresholds mean
 * nothing.
 */
export function judgeRun({
  attack,
  load,
  audit,
  incidents = [],
  clocks = {},
  end,
  endReason,
}: JudgedParts): Judgement {
  if (end === 'cancelled' || end === 'failed') {
    return {
      verdict: 'invalid',
      exitCode: end === 'cancelled' ? EXIT_CODES.cancelled : EXIT_CODES.infrastructure,
      reasons: endReason === undefined ? [] : [endReason],
    };
  }
  const failed = audit.checks.filter((check) => !check.ok);
  const broken = failed.filter((check) => check.isOpen !== true);
  if (broken.length > 0) {
    return {
      verdict: 'fail',
      exitCode: EXIT_CODES.auditFailed,
      reasons: broken.map((check) => `Not proven: ${check.title}. ${check.evidence.summary}`),
    };
  }
  const missing = [...findMissing(load), ...(failed.length > 0 ? (audit.undecided ?? []) : [])];
  if (missing.length > 0)
    return { verdict: 'invalid', exitCode: EXIT_CODES.infrastructure, reasons: missing };
  const doubts = findDoubts(attack, load, incidents, clocks);
  if (doubts.length > 0) return { verdict: 'invalid', exitCode: EXIT_CODES.invalid, reasons: doubts };
  const misses = findMisses(attack, load);
  if (misses.length > 0) {
    // A burst is not invalid when the generator was the limit, but who reads of a missed threshold must know.
    const limits = load.generator.limits.map((limit) => `The load generator was a limit, too: ${limit}`);
    return { verdict: 'fail', exitCode: EXIT_CODES.thresholdMissed, reasons: [...misses, ...limits] };
  }
  return { verdict: 'pass', exitCode: EXIT_CODES.pass, reasons: [] };
}

/** What the attack was without, so that it could not be carried through. */
function findMissing(load: Load): string[] {
  if (load.gaveUp) return [gaveUpText(load.gaveUp, load.unsent)];
  if (load.sent === 0 || load.accepted > 0) return [];
  // Rejections by 4xx are answers of a system that is well; anything else says that a part is away.
  const isAway = Object.keys(load.causes ?? {}).some((cause) => !/^4\d\d\b/.test(cause));
  return isAway ? [noneAccepted(load)] : [];
}

function noneAccepted(load: Load): string {
  const causes =
    causeText(load.causes) ??
    `${whole(load.rejected)} rejected by the gateway, ${whole(load.unknown)} without an answer`;
  return `None of ${plural(load.sent, 'request')} was accepted (${causes}): the sale was never put to the test.`;
}

function findDoubts(
  attack: AttackSettings,
  load: Load,
  incidents: readonly Incident[],
  clocks: NonNullable<RunRecord['clocks']>,
): string[] {
  const { limits, rateReached } = load.generator;
  if (load.sent === 0) return ['No request was sent: there is nothing to judge.'];
  if (load.accepted === 0) return [noneAccepted(load)];
  // Late because of the system under test is no doubt: it is what the run has found.
  if (attack.profile !== 'sustained' || limits.length === 0 || rateReached >= MIN_RATE_REACHED) return [];
  if (load.systemLimit !== undefined) return [];
  const reached = `Only ${percent(rateReached)} of the rate was reached`;
  const stops = incidents.filter(({ kind, part }) => kind === 'paused' && part === 'machine');
  if (stops.length > 0) return [`${reached}.`, ...stops.map(({ text }) => text)];
  const told = Object.entries(clocks).map(([part, lateMs]) => `${part} ${milliseconds(lateMs)}`);
  const late = told.length === 0 ? [] : [`Event loops were late by, at the most: ${told.join(', ')}.`];
  const services = Object.keys(clocks).filter((part) => part !== 'generator' && part !== 'control');
  const generator = clocks['generator'] ?? 0;
  // Both sides late alike: neither held the other up, the machine had no time for either.
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
