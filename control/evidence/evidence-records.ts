/**
 * The records of an evidence file, as docs/evidence.md describes them: tickets first, so that whoever checks
 * the file needs memory for the tickets alone. Fields are parted by tabs; `-` stands for nothing.
 */
import { checkState } from '../../contract/checks.ts';
import { OUTCOME_CODES, type OutcomeCode } from '../../services/shared/outcomes.ts';
import type { Audit, RunRecord } from '../../contract/run-record.ts';
import type { Evidence } from '../audit/evidence.ts';
import type { JudgedSale } from '../audit/several-sales.ts';

export const EVIDENCE_FORMAT = 'flashgrid.evidence/1';

/** What stands in the first record beside the figures of the evidence itself. */
export type EvidenceRun = Pick<
  RunRecord,
  'id' | 'startedAt' | 'target' | 'attack' | 'environment' | 'incidents' | 'coverage'
>;

/** All records in their order, without the last line, which holds the root: one part for each sale. */
export function* evidenceRecords(judged: readonly JudgedSale[], run: EvidenceRun): Generator<string> {
  // What all parts have in common stands in the first one.
  const parts = judged.length === 1 ? {} : { parts: judged.length };
  const rest = { id: run.id, attack: run.attack };
  for (const [at, { evidence, audit }] of judged.entries())
    yield* partRecords(evidence, at === 0 ? { run, ...parts } : { run: rest }, audit);
}

function* partRecords(evidence: Evidence, head: object, audit: Audit): Generator<string> {
  const { sale, ledger, tickets, join, counters, queues, heldUpMs = 0 } = evidence;
  yield `H\t${ascii({ format: EVIDENCE_FORMAT, ...head, sale, requests: ledger.count, tickets: tickets.count, heldUpMs })}`;
  for (let at = 0; at < tickets.count; at++)
    yield `T\t${tickets.unitNo[at]}\t${tickets.reservationId[at]}\t${tickets.userId[at]}`;
  for (const [at, id] of join.strays.entries()) yield `S\t${id}\t${outcomeOf(evidence, ledger.count + at)}`;
  for (let at = 0; at < ledger.count; at++) {
    const answeredMs = ledger.answeredAtMs(at);
    const answered = Number.isNaN(answeredMs) ? '-' : Math.round(answeredMs * 1_000);
    yield `R\t${at}\t${ledger.userId(at)}\t${ledger.status(at)}\t${ledger.httpStatus(at)}\t${Math.round(ledger.sentAtMs(at) * 1_000)}\t${answered}\t${ledger.reservationId(at) ?? '-'}\t${ledger.isSoldOut?.(at) ? 'sold_out\t-' : outcomeOf(evidence, at)}`;
  }
  const checks = Object.fromEntries(audit.checks.map((check) => [check.id, checkState(check)]));
  yield `E\t${ascii({ remaining: counters?.remaining ?? null, queues, undecided: audit.undecided ?? [], checks })}`;
}

/** Outcome and units of a subject, as the records in Redis have them. */
function outcomeOf({ outcomes }: Evidence, subject: number): string {
  const code = String.fromCharCode(outcomes.code[subject] ?? 0);
  if (!(code in OUTCOME_CODES)) return '-\t-';
  const units = outcomes.units.get(subject) ?? [outcomes.firstUnit[subject] ?? 0];
  return `${OUTCOME_CODES[code as OutcomeCode]}\t${code === 'G' ? units.join(',') : '-'}`;
}

/** JSON in ASCII, so that a record has the same bytes for every reader. */
function ascii(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
