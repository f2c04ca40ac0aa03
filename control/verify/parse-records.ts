/** The first and the last record of an evidence file, read with care: they may hold anything. */
import { EvidenceError } from './evidence-error.ts';

export interface Header {
  readonly runId: string;
  readonly sale: string;
  /** Sales in the file, as the first header counts them. */
  readonly parts: number;
  readonly stock: number;
  readonly perBuyerLimit: number;
  readonly saleStatus: string;
  readonly heldUpMs: number;
  readonly requests: number;
  readonly tickets: number;
  /** The defect that was planted on purpose, by its name. */
  readonly planted: string | undefined;
  /** The shop is not FlashGrid's own: some checks may have no data. */
  readonly isOther: boolean;
  /** Checks that the behaviours of the buyers leave open. */
  readonly openUnder: readonly string[];
}

export interface End {
  readonly remaining: number | null;
  readonly waiting: number;
  readonly newDead: number;
  readonly undecided: boolean;
  /** What the audit that wrote the file found, by check. */
  readonly claims: Readonly<Record<string, unknown>>;
}

export function headerOf(text: string): Header {
  const header = fieldsOf(text);
  if (header['format'] !== 'flashgrid.evidence/1')
    throw new EvidenceError(
      `The format is ${JSON.stringify(header['format'] ?? null).slice(0, 40)}; this checks flashgrid.evidence/1.`,
    );
  const sale = fieldsOf(header['sale']);
  const run = fieldsOf(header['run']);
  const attack = run['attack'] === undefined ? {} : fieldsOf(run['attack']);
  return {
    runId: idOf(run['id']),
    sale: idOf(sale['id']),
    parts: header['parts'] === undefined ? 1 : wholeOf(header, 'parts'),
    planted: attack['plant'] === undefined ? undefined : idOf(attack['plant']),
    isOther: run['target'] !== undefined,
    openUnder: openUnder(attack['behaviours']),
    stock: wholeOf(sale, 'stock'),
    perBuyerLimit: wholeOf(sale, 'perBuyerLimit'),
    saleStatus: String(sale['status']),
    heldUpMs: Number(header['heldUpMs']),
    requests: wholeOf(header, 'requests'),
    tickets: wholeOf(header, 'tickets'),
  };
}

/** By the kinds of a text such as `retry:5% several:10%`. */
function openUnder(behaviours: unknown): string[] {
  const text = typeof behaviours === 'string' ? behaviours : '';
  if (/\bseveral:/.test(text)) return ['no_undersell', 'order'];
  return /\bretry:/.test(text) ? ['no_undersell'] : [];
}

export function endOf(text: string): End {
  const end = fieldsOf(text);
  const queues = fieldsOf(end['queues']);
  return {
    remaining: end['remaining'] === null ? null : Number(end['remaining']),
    waiting: wholeOf(queues, 'waiting'),
    newDead: Math.max(0, wholeOf(queues, 'dead') - wholeOf(queues, 'deadBefore')),
    undecided: Array.isArray(end['undecided']) && end['undecided'].length > 0,
    claims: fieldsOf(end['checks']),
  };
}

function idOf(value: unknown): string {
  if (typeof value !== 'string' || !/^[\w-]{1,80}$/.test(value))
    throw new EvidenceError("The run's id is missing.");
  return value;
}

function fieldsOf(value: unknown): Record<string, unknown> {
  let parsed = value;
  if (typeof value === 'string') {
    try {
      parsed = JSON.parse(value);
    } catch {
      throw new EvidenceError(`Not JSON: ${value.slice(0, 40)}`);
    }
  }
  if (typeof parsed !== 'object' || parsed === null) throw new EvidenceError('A group of fields is missing.');
  return { ...parsed };
}

function wholeOf(fields: Record<string, unknown>, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
    throw new EvidenceError(`The field ${name} is not a whole number.`);
  return value;
}
