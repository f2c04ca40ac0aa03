/**
 * The notes beside a verdict, for every frontend: what happened to the parts, why requests were not accepted, which
 * process was late, whether the sale was closed.
 */
import { milliseconds, plural, whole } from './format.ts';
import { outcomeTitle } from './fault-syntax.ts';
import type { Audit, FaultOutcome, Incident, Load, RunRecord } from './run-record.ts';

export interface NoteParts {
  readonly load?: Pick<Load, 'causes' | 'systemLimit' | 'generator'> | undefined;
  readonly speed?: RunRecord['speed'];
  readonly audit?: Pick<Audit, 'isSaleClosed' | 'fromPublished'> | undefined;
  readonly incidents?: readonly Incident[] | undefined;
  readonly faults?: readonly FaultOutcome[] | undefined;
  /** What is told beside the notes: a fault without effect is a reason already. */
  readonly reasons?: readonly string[] | undefined;
}

/** Most incidents in the notes; the record contains all. */
const MAX_TOLD = 8;

/** Texts for the causes of attack/generator/answer-cause.ts; a cause without a text is shown as it is. */
const CAUSES: Readonly<Record<string, string>> = {
  '409 sold-out': 'rejected, sold out (409)',
  '409 sale-closed': 'rejected, the sale is closed (409)',
  '404 unknown-sale': 'rejected, unknown sale (404)',
  '503 overloaded': 'rejected, the gateway is overloaded (503)',
  '503 broker-away': 'rejected, RabbitMQ is away (503)',
  '503 broker-blocked': 'rejected, RabbitMQ is blocked (503)',
  '503 broker-refused': 'rejected, RabbitMQ did not take the frame (503)',
  '503 store-away': 'rejected, a database is away (503)',
  '503 stopping': 'rejected, the gateway stops (503)',
  '503 unconfirmed': 'unconfirmed by RabbitMQ in time (503)',
  timeout: 'without an answer in time',
  left: 'whose buyer left before the answer',
  closed: 'whose connection was closed',
  ECONNREFUSED: 'whose connection was refused',
  ECONNRESET: 'whose connection was reset',
  EPIPE: 'whose connection was broken',
  EMFILE: 'whose connection this machine could not open (EMFILE)',
  ENFILE: 'whose connection this machine could not open (ENFILE)',
  EADDRNOTAVAIL: 'whose connection this machine could not open (EADDRNOTAVAIL)',
  ENOBUFS: 'whose connection this machine could not open (ENOBUFS)',
};

/** Why no verdict on a run's speed is given; empty where it is. Records of earlier versions have the limits alone. */
export const withheldOf = ({ speed, load }: Pick<NoteParts, 'speed' | 'load'>): readonly string[] =>
  speed?.withheld ?? load?.generator.limits ?? [];

/** The notes, one sentence each. */
export function notesOf(parts: NoteParts): string[] {
  const { load, audit, incidents = [], faults = [], reasons = [] } = parts;
  const withheld = withheldOf(parts);
  // What stood still is an incident, too.
  const why = withheld.filter((one) => !reasons.includes(one) && !incidents.some(({ text }) => text === one));
  const untold = faults.filter(
    ({ fault, effect }) => !reasons.some((reason) => reason.includes(`${fault}. ${effect}`)),
  );
  const told = incidents.slice(0, MAX_TOLD).map(({ tMs, text }) => `At ${momentOf(tMs)}: ${text}`);
  const left = incidents.length - told.length;
  const causes = causeText(load?.causes);
  return [
    ...(withheld.length === 0
      ? []
      : [
          [
            'The speed verdict is withheld: load generator or machine was the limit, so answers/s and latencies of this run do not measure the system.',
            ...why,
          ].join(' '),
        ]),
    ...untold.map(
      (fault) =>
        `On purpose${fault.tMs === undefined ? '' : `, at ${momentOf(fault.tMs)}`}: ${outcomeTitle(fault)}. ${fault.effect}`,
    ),
    ...told,
    ...(left > 0 ? [`${plural(left, 'further incident')} in the record.`] : []),
    ...(load?.systemLimit === undefined ? [] : [load.systemLimit]),
    ...(causes === undefined ? [] : [`Not accepted: ${causes}.`]),
    ...(audit?.fromPublished === undefined
      ? []
      : [
          `Redis lost the records of ${plural(audit.fromPublished, 'refusal')}: the audit has them from what the workers published.`,
        ]),
    ...(audit?.isSaleClosed === false
      ? ['The sale could not be closed: it may sell after the audit’s last look.']
      : []),
  ];
}

/** Why requests were not accepted, the most frequent cause first; `undefined` if all were or no cause is known. */
export function causeText(causes: Readonly<Record<string, number>> | undefined): string | undefined {
  const rows = causeRows(causes);
  if (rows.length === 0) return undefined;
  return rows.map(([text, count]) => `${whole(count)} ${text}`).join(', ');
}

/** Each cause as words that may follow a count, the most frequent first. */
export const causeRows = (causes: Readonly<Record<string, number>> = {}) =>
  Object.entries(causes)
    .sort(([, a], [, b]) => b - a)
    .map(([cause, count]) => [CAUSES[cause] ?? `with ${cause}`, count] as const);

/** Why the rest of an attack was not sent. */
export function gaveUpText(
  { silentMs, cause }: NonNullable<Load['gaveUp']>,
  unsent = 0,
  server = 'No gateway',
): string {
  return `${server} answered for ${milliseconds(silentMs)} (${CAUSES[cause] ?? cause}): ${plural(unsent, 'request')} ${unsent === 1 ? 'was' : 'were'} not sent.`;
}

/** `1.2 s`, or `the start` of what came before the first request. */
export const momentOf = (tMs: number) => (tMs < 0 ? 'the start' : `${(tMs / 1_000).toFixed(1)} s`);
