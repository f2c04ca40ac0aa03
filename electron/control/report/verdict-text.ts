/**
 * What a verdict means, in words: one text for the window, the notification, the terminal and every export. It knows that a run
 * may be too slow without a broken promise, and that a run may prove nothing for more than one reason.
 */
import type { AttackSettings } from '../attack/profile.ts';
import { plural, whole } from './format.ts';
import type { Audit, Load, Verdict } from './run-record.ts';

/** The verdict as a list shows it. */
export const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  pass: 'proven',
  fail: 'failed',
  invalid: 'not valid',
};

export interface VerdictParts {
  readonly verdict: Verdict;
  readonly attack: Pick<AttackSettings, 'perBuyerLimit'>;
  readonly workersKilledAtMs?: number | undefined;
  readonly load: Pick<Load, 'sent' | 'acknowledged' | 'refused'>;
  readonly audit: Pick<Audit, 'sold' | 'stock' | 'granted' | 'refused' | 'checks'>;
}

export interface VerdictText {
  readonly headline: string;
  /** The figures behind the headline; the run's reasons are told beside it. */
  readonly detail: string;
}

export function tellVerdict(parts: VerdictParts): VerdictText {
  const { verdict, load, audit } = parts;
  const sold = `${whole(audit.sold)} of ${plural(audit.stock, 'ticket')} sold`;
  if (verdict === 'invalid')
    return { headline: `No verdict: ${doubtOf(load)}`, detail: 'This run proves nothing about the engine.' };
  if (verdict === 'pass') {
    return {
      headline:
        parts.attack.perBuyerLimit === 1
          ? `${plural(audit.sold, 'ticket')}, ${plural(audit.sold, 'owner')}. Exactly.`
          : `${plural(audit.sold, 'ticket')}, each sold once. Exactly.`,
      detail: [
        accountOf(parts),
        ...(parts.workersKilledAtMs === undefined
          ? []
          : ['The workers were killed in the middle of it, and everybody kept their place in line.']),
        'Nothing oversold, nothing lost, nothing duplicated.',
      ].join(' '),
    };
  }
  const failed = audit.checks.filter((check) => !check.ok).length;
  if (failed > 0) {
    return {
      headline: 'The engine broke a promise.',
      detail: `${sold}; ${whole(failed)} of ${plural(audit.checks.length, 'check')} failed.`,
    };
  }
  return {
    headline: 'Every promise was kept, but a limit that was set for this run was missed.',
    detail: `${sold}, and every check of the audit holds.`,
  };
}

/** Why a run proves nothing; the same order as in judgeRun. */
function doubtOf(load: VerdictParts['load']): string {
  if (load.sent === 0) return 'no request was sent.';
  if (load.acknowledged === 0) return 'nobody was let in, so the sale was never put to the test.';
  return 'the load generator was the limit.';
}

/** What became of everybody; its figures add up to the requests that were sent. */
function accountOf({ load, audit }: VerdictParts): string {
  const refused = audit.refused + load.refused;
  const unanswered = load.sent - audit.granted - refused;
  const fates = [
    `${whole(audit.granted)} got one`,
    `${whole(refused)} got a clear “no”`,
    ...(unanswered > 0
      ? [`${whole(unanswered)} got no answer, and the audit found what became of them`]
      : []),
  ];
  return `${whole(load.sent)} asked, ${fates.join(', ')}.`;
}
