/**
 * What a verdict means, in words: one text for the window, the notification, the terminal and every export. It knows that a run
 * may be too slow without a broken promise, and that a run may prove nothing for more than one reason.
 */
import type { AttackSettings } from './attack-settings.ts';
import { checkState } from './checks.ts';
import { outcomeTitle } from './fault-syntax.ts';
import { plural, whole } from './format.ts';
import { PLANTS, isFound } from './plants.ts';
import type { Audit, Load, RunRecord, Verdict } from './run-record.ts';

/** Exit code of a run that a part was missing for; build-run-record.ts gives it. */
const EXIT_INFRASTRUCTURE = 6;

const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  pass: 'proven',
  fail: 'failed',
  invalid: 'not valid',
};

export type Judged = Pick<RunRecord, 'verdict' | 'end'> & { readonly exitCode?: number | undefined };

/** The verdict as a list shows it: a run without an audit, or without a part, must not read like a broken promise. */
export function verdictShown({ verdict, exitCode, end }: Judged): string {
  if (end === 'cancelled') return 'cancelled';
  if (end === 'failed') return 'not finished';
  if (exitCode === EXIT_INFRASTRUCTURE) return 'undecided';
  return exitCode === 4 ? 'limit missed' : VERDICT_WORDS[verdict];
}

export interface VerdictParts {
  readonly verdict: Verdict;
  /** The shop that was attacked, where it is not ours. */
  readonly target?: RunRecord['target'];
  /** Missing for an attack that was audited. */
  readonly end?: RunRecord['end'];
  readonly attack: Pick<AttackSettings, 'perBuyerLimit' | 'plant' | 'sales'>;
  readonly faults?: RunRecord['faults'];
  readonly load: Pick<Load, 'sent' | 'accepted' | 'rejected' | 'unknown' | 'gaveUp' | 'causes'>;
  readonly audit: Pick<
    Audit,
    'sold' | 'stock' | 'granted' | 'refused' | 'pending' | 'unknownGranted' | 'undecided' | 'checks'
  >;
  readonly speed?: RunRecord['speed'];
  /** Of the run; tells a missing part from a load generator that was the limit. */
  readonly exitCode?: number | undefined;
}

export interface VerdictText {
  readonly headline: string;
  /** The figures behind the headline; the run's reasons are told beside it. */
  readonly detail: string;
}

export function describeVerdict(parts: VerdictParts): VerdictText {
  const { verdict, load, audit } = parts;
  const sold = `${whole(audit.sold)} of ${plural(audit.stock, 'ticket')} sold`;
  if (parts.end === 'cancelled' || parts.end === 'failed') {
    return {
      headline:
        parts.end === 'cancelled'
          ? 'The attack was cancelled.'
          : 'The attack could not be brought to a verdict.',
      detail: `${plural(load.sent, 'request')} had been sent. There was no audit, so nothing is proven.`,
    };
  }
  if (verdict === 'invalid') {
    if (audit.undecided !== undefined)
      return {
        headline: 'No verdict: a part was missing.',
        detail: `${accountOf(parts)} No promise is broken.`,
      };
    const isMissing = parts.exitCode === EXIT_INFRASTRUCTURE;
    if ((parts.speed?.notJudged ?? []).length > 0)
      return {
        headline: 'Every promise was kept, but the speed verdict is withheld, and a threshold asks for it.',
        detail: accountOf(parts),
      };
    return {
      headline: `No verdict: ${isMissing && load.accepted > 0 ? `${parts.target ? 'the shop did not answer' : 'no gateway answered'} any more.` : doubtOf(parts)}`,
      detail: `${isMissing ? accountOf(parts) : `This run proves nothing about ${parts.target ? 'the shop' : 'the engine'}.`}`,
    };
  }
  if (verdict === 'pass') {
    return {
      headline:
        parts.attack.perBuyerLimit === 1 && (parts.attack.sales ?? 1) === 1 && isJudged(audit, 'buyer_limit')
          ? `${plural(audit.sold, 'ticket')}, ${plural(audit.sold, 'owner')}. Exactly.`
          : `${plural(audit.sold, 'ticket')}, each sold once. Exactly.`,
      detail: [
        accountOf(parts),
        ...brokenText(parts.faults),
        'Nothing oversold, nothing lost, nothing duplicated.',
        ...notJudgedText(parts),
      ].join(' '),
    };
  }
  const failed = audit.checks.filter((check) => checkState(check) === 'failed').map(({ id }) => id);
  const { plant } = parts.attack;
  if (failed.length > 0) {
    return {
      headline:
        plant === undefined
          ? `The ${parts.target ? 'shop' : 'engine'} broke a promise.`
          : isFound(plant, failed)
            ? 'A defect was planted on purpose, and the audit found it.'
            : 'A defect was planted on purpose, and the audit found something else.',
      detail: `${sold}; ${whole(failed.length)} of ${plural(judgedOf(audit).length, 'check')} failed.${notJudgedText(
        parts,
      )
        .map((text) => ` ${text}`)
        .join('')}${plant === undefined ? '' : ` Planted: ${PLANTS[plant].title}.`}`,
    };
  }
  return {
    headline: 'Every promise was kept, but a limit that was set for this run was missed.',
    detail: [
      `${sold}, and every check ${judgedOf(audit).length < audit.checks.length ? 'that was judged' : 'of the audit'} holds.`,
      ...notJudgedText(parts),
    ].join(' '),
  };
}

const judgedOf = ({ checks }: VerdictParts['audit']) =>
  checks.filter((check) => checkState(check) !== 'notJudged');
const isJudged = ({ checks }: VerdictParts['audit'], id: string) =>
  checks.every((check) => check.id !== id || checkState(check) !== 'notJudged');

/** A check that was not judged proves nothing: a verdict must say how many there are. */
function notJudgedText({ audit, target }: VerdictParts): string[] {
  const count = audit.checks.length - judgedOf(audit).length;
  return count === 0
    ? []
    : [
        `${plural(count, 'check')} not judged: ${target ? 'the adapter has no data for' : 'the behaviours of the buyers leave open'} ${count === 1 ? 'it' : 'them'}.`,
      ];
}

/** What was broken in the middle of a run that passed. */
function brokenText(faults: VerdictParts['faults'] = []): string[] {
  const [only] = faults;
  if (only === undefined) return [];
  const what = faults.length === 1 ? outcomeTitle(only) : `${plural(faults.length, 'fault')} on purpose`;
  return [`${what} in the middle of it, and no accepted reservation was lost.`];
}

/** Why a run proves nothing; the same order as in judgeRun. */
function doubtOf({ load, faults = [] }: VerdictParts): string {
  if (load.sent === 0) return 'no request was sent.';
  if (load.accepted === 0) return 'no request was accepted, so the sale was never put to the test.';
  if (faults.some(({ hadEffect }) => !hadEffect)) return 'a fault was without effect.';
  return 'the rate was not reached.';
}

/** What became of every request; its figures add up to the requests that were sent. */
function accountOf({ load, audit, target }: VerdictParts): string {
  const owners = audit.unknownGranted ?? 0;
  const got =
    owners === 0
      ? 'none of them owns a ticket'
      : `${whole(owners)} of them ${owners === 1 ? 'owns' : 'own'} a ticket`;
  const fates = [
    `${whole(audit.granted)} granted`,
    ...(target && audit.refused === 0
      ? []
      : [`${whole(audit.refused)} refused by the ${target ? 'shop' : 'worker'}`]),
    ...(audit.pending > 0 ? [`${whole(audit.pending)} accepted and undecided`] : []),
    ...(load.rejected > 0 ? [`${whole(load.rejected)} rejected by the ${target ? 'shop' : 'gateway'}`] : []),
    ...(load.unknown > 0
      ? [`${whole(load.unknown)} without a clear answer, looked up by the audit: ${got}`]
      : []),
  ];
  return `${plural(load.sent, 'request')}: ${fates.join(', ')}.`;
}
