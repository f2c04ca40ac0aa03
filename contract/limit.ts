/** The search for the highest rate that holds: its plan, what one of its attacks showed, and its result in sentences. */
import { z } from 'zod';
import type { AttackSettings } from './attack-settings.ts';
import { EXIT } from './exit-codes.ts';
import { plural, whole } from './format.ts';
import type { Attempt, Limit, SearchPlan } from './limit-search.ts';
import { withheldOf } from './run-notes.ts';
import type { RunRecord } from './run-record.ts';

export const MAX_RATE = 200_000;
export const MAX_CONFIRM = 20;
export const USUAL_SEARCH: SearchPlan = { fromPerSec: 500, toPerSec: MAX_RATE, confirm: 3 };

const perSec = z.number().int().min(1).max(MAX_RATE);
export const searchPlanSchema = z
  .strictObject({ fromPerSec: perSec, toPerSec: perSec, confirm: z.number().int().min(1).max(MAX_CONFIRM) })
  .refine(({ fromPerSec, toPerSec }) => toPerSec > fromPerSec, {
    path: ['toPerSec'],
    message: 'must be above the first rate',
  });

/** Exit code of a search, by what it came to. */
export const LIMIT_EXITS: Readonly<Record<Limit['kind'], number>> = {
  found: EXIT.pass,
  above: EXIT.pass,
  below: EXIT.thresholdMissed,
  untold: EXIT.invalid,
};

/** An attempt and its run. */
export interface RunAttempt extends Attempt {
  readonly run: RunRecord;
}

/** Whether anything can break under a rate. */
export const hasThreshold = ({ slo, maxP99Ms, minRps }: AttackSettings): boolean =>
  slo !== undefined || maxP99Ms !== undefined || minRps !== undefined;

/** An attack ended in a way that no higher or lower rate explains. */
export class Stopped extends Error {
  readonly exitCode: number;
  constructor(record: RunRecord) {
    super(
      `The search is stopped: ${record.reasons.join(' ') || 'the attack did not finish.'} (run ${record.id})`,
    );
    this.exitCode = record.exitCode;
  }
}

/** @throws Stopped when a promise was broken, or the attack was not carried out */
export function attemptOf(ratePerSec: number, run: RunRecord): RunAttempt {
  const { exitCode, reasons, load } = run;
  const attempt = { ratePerSec, run };
  if (exitCode === EXIT.thresholdMissed) return { ...attempt, result: 'broken', reasons };
  if (exitCode === EXIT.invalid || (exitCode === EXIT.pass && withheldOf(run).length > 0))
    return { ...attempt, result: 'untold', reasons: reasons.length > 0 ? reasons : withheldOf(run) };
  if (exitCode !== EXIT.pass) throw new Stopped(run);
  // What the system did not take in time was not held, whatever the thresholds say.
  if (load.systemLimit !== undefined) return { ...attempt, result: 'broken', reasons: [load.systemLimit] };
  return { ...attempt, result: 'held', reasons: [] };
}

const rate = (perSec: number | undefined) => `${whole(perSec ?? 0)} requests/s`;

/** The thresholds that broke at a rate, as each of them says it. */
export function brokenAt({ attempts }: Limit, perSec: number | undefined): readonly string[] {
  const found = attempts.filter(({ ratePerSec, result }) => ratePerSec === perSec && result === 'broken');
  return [...new Set(found.flatMap(({ reasons }) => reasons))];
}

/** The result, in sentences. */
export function limitSentences(limit: Limit, { toPerSec, confirm }: SearchPlan): string[] {
  const { kind, heldPerSec, brokenPerSec, untoldPerSec, attempts } = limit;
  const each = `each of ${plural(confirm, 'attack')}`;
  const broke = brokenAt(limit, brokenPerSec).map((reason) => `Broken: ${reason}`);
  if (kind === 'above')
    return [
      `No limit up to ${rate(toPerSec)}: every threshold held in ${each}. Give a higher last rate (--to).`,
    ];
  if (kind === 'below')
    return [
      `The limit is below ${rate(limit.attempts[0]?.ratePerSec)}, the lowest rate: give a lower first rate (--from).`,
      ...broke,
    ];
  if (kind === 'untold') {
    const why = attempts.findLast(({ result }) => result === 'untold')?.reasons ?? [];
    return [
      heldPerSec === undefined
        ? `The limit could not be told: the attacks at ${rate(untoldPerSec)} say nothing about the system.`
        : `The system held ${rate(heldPerSec)}. More could not be told: the attacks at ${rate(untoldPerSec)} say nothing about it.`,
      ...why,
    ];
  }
  return [
    `The limit is ${rate(heldPerSec)}: the highest rate that held in ${each}.`,
    brokenPerSec === undefined
      ? `Above it, up to ${rate(toPerSec)}, no rate broke in ${each}: some held, some did not.`
      : `It is between ${rate(heldPerSec)} and ${rate(brokenPerSec)}, which broke in ${each}.`,
    ...broke,
  ];
}
