/** Judges a run: from load, audit and thresholds to verdict, reasons and exit code. */
import type { AttackSettings } from '../attack/profile.ts';
import { milliseconds, percent, plural, whole } from './format.ts';
import type { Audit, Environment, Load, RunRecord, Sample, Verdict } from './run-record.ts';

/** Under a rate: the share of requests sent in time below which a generator that was the limit makes the run invalid. */
export const MIN_RATE_REACHED = 0.95;

export const EXIT_CODES = { pass: 0, auditFailed: 3, thresholdMissed: 4, invalid: 5 } as const;

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
  readonly environment: Environment;
  readonly series: Sample[];
}

export interface Judgement {
  readonly verdict: Verdict;
  readonly exitCode: number;
  /** Why the verdict is not `pass`; empty when it is. */
  readonly reasons: string[];
}

/** The record of a run, with its verdict. */
export function buildRunRecord(parts: RunParts): RunRecord {
  const { startedAtMs, firstRequestAtMs, finishedAtMs, workersKilledAtMs, ...rest } = parts;
  return {
    schema: 'flashgrid.run/1',
    ...rest,
    startedAt: new Date(startedAtMs).toISOString(),
    ...(workersKilledAtMs === undefined ? {} : { workersKilledAtMs }),
    ...(firstRequestAtMs === undefined ? {} : { firstRequestAt: new Date(firstRequestAtMs).toISOString() }),
    finishedAt: new Date(finishedAtMs).toISOString(),
    ...judgeRun(parts),
  };
}

/**
 * The verdict. A failed audit outweighs all: what was sold is a fact, however it was measured. A run whose figures can't be
 * trusted comes next, since its thresholds mean nothing.
 */
export function judgeRun({ attack, load, audit }: Pick<RunParts, 'attack' | 'load' | 'audit'>): Judgement {
  const failed = audit.checks.filter((check) => !check.ok);
  if (failed.length > 0) {
    return {
      verdict: 'fail',
      exitCode: EXIT_CODES.auditFailed,
      reasons: failed.map((check) => `Not proven: ${check.title}. ${check.evidence.summary}`),
    };
  }
  const doubts = findDoubts(attack, load);
  if (doubts.length > 0) return { verdict: 'invalid', exitCode: EXIT_CODES.invalid, reasons: doubts };
  const misses = findMisses(attack, load);
  if (misses.length > 0) {
    // A burst is not invalid when the generator was the limit, but who reads of a missed threshold must know.
    const limits = load.generator.limits.map((limit) => `The load generator was a limit, too: ${limit}`);
    return { verdict: 'fail', exitCode: EXIT_CODES.thresholdMissed, reasons: [...misses, ...limits] };
  }
  return { verdict: 'pass', exitCode: EXIT_CODES.pass, reasons: [] };
}

function findDoubts(attack: AttackSettings, load: Load): string[] {
  const { limits, rateReached } = load.generator;
  if (load.sent === 0) return ['No request was sent: there is nothing to judge.'];
  if (load.acknowledged === 0) {
    return [
      `None of ${plural(load.sent, 'request')} was acknowledged (${whole(load.refused)} refused, ${whole(load.unknown)} without an answer): the sale was never put to the test.`,
    ];
  }
  if (attack.profile === 'sustained' && limits.length > 0 && rateReached < MIN_RATE_REACHED) {
    return [
      `Only ${percent(rateReached)} of the rate was reached, and the load generator was the limit, not the system under test.`,
      ...limits,
    ];
  }
  return [];
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
