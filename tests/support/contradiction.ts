/**
 * Whether events contradict each other, for each check: read from the texts that people read, by none of the code that wrote
 * them.
 */
import type { CheckId } from '../../contract/checks.ts';
import type { WitnessEvent } from '../../contract/witness.ts';

type Events = readonly WitnessEvent[];

const ROW = /^Unit (?<unit>-?\d+) belongs to (?<buyer>\S+), reservation (?<id>\S+)\.$/;
const ANSWER =
  /^(?<buyer>\S+) was told (?<status>\d+): \w+(?:, reservation (?<id>\S+)|, without a reservation id)?\.$/;
const DECISION =
  /^Reservation (?<id>\S+) of (?<buyer>\S+): (?:granted units? (?<units>[\d, ]+)|refused, (?<reason>\w+))\.$/;

/** Named parts of the events of one kind; text that does not have the kind's form fails. */
function read(
  events: Events,
  kind: WitnessEvent['kind'],
  form: RegExp,
): Record<string, string | undefined>[] {
  return events
    .filter((event) => event.kind === kind)
    .map(({ text }) => {
      const groups = form.exec(text)?.groups;
      if (!groups) throw new Error(`a ${kind} does not read "${text}"`);
      return groups;
    });
}
export const rowsIn = (events: Events) => read(events, 'row', ROW);
export const answersIn = (events: Events) => read(events, 'answer', ANSWER);
export const decisionsIn = (events: Events) => read(events, 'decision', DECISION);

/** The first number after a phrase in the texts of a kind; NaN without one. */
function numberIn(events: Events, kind: WitnessEvent['kind'], form: RegExp): number {
  for (const event of events) {
    const found = event.kind === kind ? form.exec(event.text)?.[1] : undefined;
    if (found !== undefined) return Number(found.replaceAll(',', ''));
  }
  return NaN;
}
const has = (events: Events, kind: WitnessEvent['kind'], form: RegExp) =>
  events.some((event) => event.kind === kind && form.test(event.text));

const repeats = (values: readonly unknown[]) => new Set(values).size < values.length;

/** Accepted, and neither an outcome nor a ticket. */
const isForgotten = (events: Events) =>
  answersIn(events).some(
    ({ status, id }) =>
      status === '202' &&
      events.some(({ kind, text }) => kind === 'missing' && text.includes(id ?? 'Without a reservation id')),
  );

export const contradicts: Readonly<Record<CheckId, (events: Events) => boolean>> = {
  no_oversell: (events) => {
    const units = rowsIn(events).map(({ unit }) => Number(unit));
    const stock = numberIn(events, 'promise', /^The stock is ([\d,]+) units?/);
    return repeats(units) || (units.some((unit) => unit < 1 || unit > stock) && stock > 0);
  },
  no_undersell: (events) => {
    const counted = events.find(({ kind }) => kind === 'count')?.text ?? '';
    const [, sold, stock, buyer, held, due] =
      /^([\d,]+) tickets? of ([\d,]+) units?; (\S+) holds (\d+) and was due (\d+)\.$/.exec(counted) ?? [];
    const told = [...answersIn(events), ...decisionsIn(events)];
    return (
      Number(sold) < Number(stock) && Number(held) < Number(due) && told.some((one) => one['buyer'] === buyer)
    );
  },
  conservation: isForgotten,
  single_outcome: (events) => {
    const rows = rowsIn(events);
    return (
      isForgotten(events) ||
      repeats(answersIn(events).map(({ id }) => id)) ||
      decisionsIn(events).some(({ id, units, reason }) => {
        const granted = units?.split(', ') ?? [];
        const own = rows.filter((row) => row['id'] === id).map(({ unit }) => unit ?? '');
        return (
          (reason !== undefined && own.length > 0) ||
          own.some((unit) => !granted.includes(unit)) ||
          repeats(own) ||
          granted.some((unit) =>
            has(events, 'missing', new RegExp(`of unit ${unit} for reservation ${id}\\.$`)),
          )
        );
      })
    );
  },
  no_phantom: (events) => {
    const rows = rowsIn(events);
    const asker = /^Buyer (\S+) sent/.exec(events.find(({ kind }) => kind === 'count')?.text ?? '')?.[1];
    const owned = rows.filter(({ buyer }) => buyer === asker).map(({ id }) => id);
    const sent = numberIn(events, 'count', /sent ([\d,]+) requests? without/);
    const isUnasked = rows.some(
      ({ buyer, id = '' }) =>
        has(events, 'missing', new RegExp(`^Buyer ${buyer} sent no request`)) ||
        events.some(
          ({ kind, text }) => kind === 'missing' && text.startsWith(`Buyer ${buyer} `) && text.includes(id),
        ),
    );
    const names = [...answersIn(events), ...rows];
    return (
      isUnasked ||
      new Set(owned).size > sent ||
      names.some(({ id, buyer }) => names.some((one) => one['id'] === id && one['buyer'] !== buyer)) ||
      numberIn(events, 'count', /([\d,]+) reservations? with tickets/) > sent
    );
  },
  stock_balance: (events) => {
    const stock = numberIn(events, 'promise', /^The stock is ([\d,]+)/);
    const left = numberIn(events, 'count', /^(-?[\d,]+) (?:units? )?left/);
    const sold = numberIn(events, 'count', /([\d,]+) tickets? sold/);
    const isUnknown = has(events, 'missing', /does not know sale/) && has(events, 'count', /^Sale .+ stock/);
    return isUnknown || left < 0 || Math.abs(left + sold - stock) > 0;
  },
  buyer_limit: (events) => {
    const buyers = rowsIn(events).map(({ buyer }) => buyer);
    const limit = numberIn(events, 'promise', /at most (\d+) units?/);
    return buyers.some((buyer) => buyers.filter((one) => one === buyer).length > limit);
  },
  queues_empty: (events) => {
    const frames = numberIn(events, 'count', /^([\d,]+) frames?/);
    const before = numberIn(events, 'promise', /([\d,]+) (?:w\w+ there before|frames are in the queue)/);
    const isNoneAllowed = has(events, 'promise', /^No frame of a run is dead-lettered/);
    const isDead = has(events, 'frame', /^\S+(?:, [\d,]+ reservations?,)? is in the dead-letter queue\. \S/);
    return (isNoneAllowed && isDead) || frames > (isNoneAllowed && Number.isNaN(before) ? 0 : before);
  },
  order: (events) => {
    const [refused, granted] = [0, 1].map((lane) => events.filter((event) => event.lane === lane));
    const answered = refused?.find(({ kind }) => kind === 'answer')?.tMs ?? NaN;
    const asked = granted?.find(({ kind }) => kind === 'request')?.tMs ?? NaN;
    return (
      asked - answered > 2_000 &&
      decisionsIn(refused ?? []).some(({ reason }) => reason === 'sold_out') &&
      (decisionsIn(granted ?? []).some(({ units }) => units !== undefined) ||
        rowsIn(granted ?? []).length > 0)
    );
  },
};

/** Without any one of them, the others do not contradict each other. */
export function isMinimal(check: CheckId, events: Events): boolean {
  return events.every((_, at) => !contradicts[check](events.toSpliced(at, 1)));
}
