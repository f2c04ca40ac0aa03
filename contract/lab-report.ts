/** What a lab came to: one row a design, and the moment of a double sale. */
import { BACKEND_TITLES } from './backends.ts';
import { DESIGNS, DESIGN_IDS, type DesignFacts, type DesignId } from './designs.ts';
import { markdownTable, milliseconds, plural, whole } from './format.ts';
import { CALM, STOPPED_MS, type LabKind, type LabResult } from './lab.ts';
import { eventLines, type Witness } from './witness.ts';

const sum = (results: readonly LabResult[], of: (result: LabResult) => number) =>
  results.reduce((total, result) => total + of(result), 0);
const mean = (results: readonly LabResult[], of: (result: LabResult) => number) =>
  results.length === 0 ? 0 : sum(results, of) / results.length;
const ofDesign = (results: readonly LabResult[], design: DesignId) =>
  results.filter((result) => result.design === design);

/** How often something happened, and how much of it: `3 of 3 rounds, 214 units`. */
function often(results: readonly LabResult[], of: (result: LabResult) => number): string {
  const rounds = results.filter((result) => of(result) > 0).length;
  if (rounds === 0) return '0';
  return `${rounds} of ${plural(results.length, 'round')}, ${whole(sum(results, of))}`;
}

const ofKind = (results: readonly LabResult[], kind: LabKind) => results.filter((one) => one.kind === kind);

/** Crowds of which at least one must see a design oversell that often does. */
const OFTEN_ROUNDS = 3;

/** Whether what was seen agrees with what the design claims. */
export function agrees(design: DesignId, results: readonly LabResult[]): boolean {
  const { oversells } = DESIGNS[design];
  const overselling = (kind: LabKind) => ofKind(results, kind).filter(({ oversold }) => oversold > 0).length;
  const [crowds, stalls] = [ofKind(results, 'crowd').length, ofKind(results, 'stall').length];
  if (oversells === 'never') return overselling('crowd') + overselling('stall') + overselling('calm') === 0;
  const whenStopped = stalls === 0 || overselling('stall') > 0;
  // On a busy machine a holder stalls by itself.
  if (oversells === 'when a holder stalls') return whenStopped;
  const isTooEarly = crowds < (oversells === 'often' ? OFTEN_ROUNDS : 1);
  return whenStopped && (isTooEarly || overselling('crowd') > 0);
}

/** The bets beside the truth; nothing where there was no bet. */
export function labBets(results: readonly LabResult[]): readonly (readonly string[])[] {
  const rows = DESIGN_IDS.flatMap((design) => {
    const own = ofKind(ofDesign(results, design), 'crowd');
    const bet = own.find((result) => result.bet !== undefined)?.bet;
    if (bet === undefined) return [];
    const sold = own.map((result) => result.sold);
    const [least, most] = [Math.min(...sold), Math.max(...sold)];
    const truth = least === most ? whole(least) : `${whole(least)} to ${whole(most)}`;
    const off = mean(own, (result) => Math.abs(result.sold - bet));
    return [[DESIGNS[design].title, whole(bet), truth, off === 0 ? 'exact' : whole(off)]];
  });
  return rows.length === 0 ? [] : [['design', 'the bet', 'units sold', 'off by'], ...rows];
}

/** The designs that were attacked, in the order of the catalogue, with their results. */
const perDesign = (results: readonly LabResult[]) =>
  DESIGN_IDS.map((design) => [design, ofDesign(results, design)] as const).filter(
    ([, own]) => own.length > 0,
  );

const cost = (own: readonly LabResult[], of: (costs: NonNullable<LabResult['costs']>) => number) =>
  own.every(({ costs }) => costs !== undefined)
    ? whole(mean(own, ({ costs }) => (costs ? of(costs) : 0)))
    : '–';

/** CPU of a request in all processes that it needs; `undefined` where others run the backends. */
const cpuOf = (own: readonly LabResult[]): number | undefined =>
  own.length > 0 && own.every(({ backendMicros }) => backendMicros !== undefined)
    ? mean(own, ({ cpuMicros = 0, backendMicros = 0 }) => cpuMicros + backendMicros)
    : undefined;

const waitOf = (own: readonly LabResult[]) =>
  mean(own, ({ costs, postgresWaitMs = 0 }) => postgresWaitMs + (costs?.lockWaitMs ?? 0));

/** The rounds as a table of texts; the heading first. */
export function labRows(all: readonly LabResult[]): readonly (readonly string[])[] {
  const calm = ofKind(all, 'calm');
  const rows = perDesign(ofKind(all, 'crowd'));
  if (rows.length === 0) return [];
  return [
    [
      ...['design', 'answers when', 'oversold', 'undersold', 'lost', 'answers/s', 'p50', 'p99'],
      ...(calm.length > 0 ? [`p50 at ${CALM.ratePerSec}/s`] : []),
      ...['CPU a request', 'commits', 'lock waits', 'retries', 'gave up', 'as claimed'],
    ],
    ...rows.map(([design, own]) => {
      const { title, answers } = DESIGNS[design];
      const cpu = cpuOf(own);
      const waits = waitOf(own);
      return [
        title,
        answers,
        often(own, ({ oversold }) => oversold),
        often(own, ({ undersold }) => undersold),
        often(own, ({ lost }) => lost),
        whole(mean(own, ({ rps }) => rps)),
        milliseconds(mean(own, ({ p50Ms }) => p50Ms)),
        milliseconds(mean(own, ({ p99Ms }) => p99Ms)),
        ...(calm.length > 0 ? [milliseconds(mean(ofDesign(calm, design), ({ p50Ms }) => p50Ms))] : []),
        cpu === undefined ? '–' : `${whole(cpu)} µs`,
        cost(own, ({ commits }) => commits),
        waits > 0 ? milliseconds(waits) : '–',
        cost(own, ({ retries }) => retries),
        cost(own, ({ gaveUp }) => gaveUp),
        agrees(design, ofDesign(all, design)) ? 'yes' : 'NO',
      ];
    }),
  ];
}

/** One design in the picture. */
export interface LabBar {
  readonly title: string;
  readonly ownMicros: number;
  readonly backendMicros: number;
  /** Units sold in a round, on average; `isOversold` where it happened in any. */
  readonly sold: number;
  readonly stock: number;
  readonly isOversold: boolean;
}

/** The rounds as a picture; empty where the CPU of the backends is not known. */
export const labBars = (all: readonly LabResult[]): readonly LabBar[] =>
  perDesign(ofKind(all, 'crowd')).flatMap(([design, own]) =>
    cpuOf(own) === undefined
      ? []
      : [
          {
            title: DESIGNS[design].title,
            ownMicros: mean(own, ({ cpuMicros = 0 }) => cpuMicros),
            backendMicros: mean(own, ({ backendMicros = 0 }) => backendMicros),
            sold: Math.round(mean(own, ({ sold }) => sold)),
            stock: own[0]?.stock ?? 0,
            isOversold: own.some(({ oversold }) => oversold > 0),
          },
        ],
  );

/** What each did when an instance was stopped; empty where none was. */
export function stoppedRows(all: readonly LabResult[]): readonly (readonly string[])[] {
  const rows = perDesign(ofKind(all, 'stall'));
  if (rows.length === 0) return [];
  return [
    [
      'design',
      'stopped for',
      'sold meanwhile',
      'oversold',
      'lock waits',
      'no answer',
      'what follows',
      'as claimed',
    ],
    ...rows.map(([design, own]) => {
      const stopped = own.flatMap((one) => one.stopped ?? []);
      const meanwhile = stopped.flatMap(({ soldMeanwhile = [] }) => soldMeanwhile);
      const waits = waitOf(own);
      return [
        DESIGNS[design].title,
        stopped.length === 0 ? 'not reached' : milliseconds(Math.max(...stopped.map(({ forMs }) => forMs))),
        meanwhile.length === 0 ? '–' : whole(meanwhile.reduce((total, one) => total + one, 0)),
        often(own, ({ oversold }) => oversold),
        waits > 0 ? milliseconds(waits) : '–',
        whole(sum(own, ({ unknown }) => unknown)),
        DESIGNS[design].whenStopped,
        agrees(design, own) ? 'yes' : 'NO',
      ];
    }),
  ];
}

const needs = (id: DesignId) => DESIGNS[id].uses.map((role) => BACKEND_TITLES[role]).join(', ');

/** What is known of designs before any attack; the heading first. */
export const factRows = (designs: readonly DesignId[]): readonly (readonly string[])[] => [
  ['design', 'isolation', 'durability', 'needs', 'gives up', 'better for'],
  ...designs.map((id) => {
    const { title, isolation, durability, givesUp, betterFor } = DESIGNS[id];
    return [title, isolation, durability, needs(id), givesUp, betterFor];
  }),
];

/** Where another design is better than FlashGrid, as it was measured. */
function betterSentences(all: readonly LabResult[]): string[] {
  const told = (kind: LabKind, of: (own: readonly LabResult[]) => number | undefined) => {
    const found = perDesign(ofKind(all, kind)).flatMap(([design, own]) => {
      const { oversells, answers } = DESIGNS[design];
      // Others that only say queued wait for less.
      const isRival = oversells === 'never' && (answers === 'committed' || design === 'flashgrid');
      const value = isRival ? of(own) : undefined;
      return value === undefined ? [] : [{ title: DESIGNS[design].title, design, value }];
    });
    const own = found.find(({ design }) => design === 'flashgrid');
    const better = found
      .filter(({ value }) => own && value < own.value)
      .sort((one, other) => one.value - other.value);
    return own && better[0] ? { own, best: better[0], count: better.length } : undefined;
  };
  const calm = told('calm', (own) => mean(own, ({ p50Ms }) => p50Ms));
  const cpu = told('crowd', cpuOf);
  return [
    ...(calm
      ? [
          `At ${CALM.ratePerSec} requests/s these answer sooner than FlashGrid (p50 ${milliseconds(calm.own.value)}), although they wait for the commit: ${calm.count} of the designs that never oversell, first ${calm.best.title}, ${milliseconds(calm.best.value)} (needs ${needs(calm.best.design)}).`,
        ]
      : []),
    ...(cpu
      ? [
          `With all buyers at once these use less CPU a request than FlashGrid (${whole(cpu.own.value)} µs): ${cpu.count} of the designs that never oversell, least of all ${cpu.best.title}, ${whole(cpu.best.value)} µs.`,
        ]
      : []),
  ];
}

/** What must be known to read the table. */
export function labSentences(results: readonly LabResult[]): string[] {
  const rounds = [...new Set(results.map(({ round }) => round))];
  const arrivalsOf = (round: number) =>
    results.filter((one) => one.round === round).map((one) => one.arrivals);
  const crowds = new Set(ofKind(results, 'crowd').map(({ round }) => round)).size;
  const extra = (kind: LabKind, text: string) => (ofKind(results, kind).length > 0 ? [text] : []);
  const unlike = rounds.filter((round) => new Set(arrivalsOf(round)).size > 1);
  const wrong = DESIGN_IDS.filter((design) => {
    const own = ofDesign(results, design);
    return own.length > 0 && !agrees(design, own);
  });
  const requests = ofKind(results, 'crowd')[0]?.requests ?? 0;
  const withheld = results.filter(({ kind, isSpeedWithheld }) => kind !== 'stall' && isSpeedWithheld);
  const withheldOf = [...new Set(withheld.map(({ design }) => DESIGNS[design].title))];
  const isOfAll = withheldOf.length === new Set(results.map(({ design }) => design)).size;
  return [
    `${plural(results.length, 'attack')}. Each design had ${[
      ...extra('crowd', `${plural(crowds, 'round')} of ${whole(requests)} requests at once`),
      ...extra('calm', `one of ${CALM.ratePerSec} requests/s in which everybody gets a unit`),
      ...extra('stall', 'one in which an instance is stopped'),
    ].join(', ')}. No design was slowed down on purpose.`,
    unlike.length === 0
      ? 'The buyers of each round, and their order, were the same for every design (by SHA-256).'
      : `In round ${unlike.join(', ')} the buyers were not the same for every design: an attack was broken off.`,
    wrong.length === 0
      ? 'What was seen agrees with what each design claims, also where it claims to oversell.'
      : `Not as claimed: ${wrong.map((design) => DESIGNS[design].title).join(', ')}.`,
    ...(withheld.length === 0
      ? []
      : [
          `The speed verdict is withheld in ${plural(withheld.length, 'attack')}${isOfAll ? '' : ` (${withheldOf.join(', ')})`}: load generator or machine was the limit, so their answers/s and latencies do not measure the design.`,
        ]),
    ...betterSentences(results),
    'CPU a request is that of the design and of the backends that it needs, until everything is decided. Lock waits are the sum over all buyers.',
    ...extra(
      'stall',
      `Each design ran as two processes on the same databases. One stopped itself (SIGSTOP) with its lock or its unit in hand, for ${milliseconds(STOPPED_MS)}; the lock of the Redlock lasts 1 s.`,
    ),
    'Queued, decided and committed answers wait for different things: compare answers/s and latency only among those that wait for the same.',
  ];
}

/** The first double sale of each design, with what would have stopped it. */
export function labWitnesses(
  results: readonly LabResult[],
): { readonly title: string; readonly witness: Witness; readonly stoppedBy: string }[] {
  return DESIGN_IDS.flatMap((design) => {
    const witness = results.find((one) => one.design === design && one.witness)?.witness;
    const { title, stoppedBy = '' }: DesignFacts = DESIGNS[design];
    return witness ? [{ title, witness, stoppedBy }] : [];
  });
}

export function labMarkdown(results: readonly LabResult[]): string {
  const bets = labBets(results);
  return [
    ...labSentences(results).map((sentence) => `- ${sentence}`),
    '',
    ...[labRows(results), stoppedRows(results)]
      .filter((rows) => rows.length > 0)
      .flatMap((rows) => [markdownTable(rows), '']),
    ...(bets.length === 0 ? [] : ['### The bets', '', markdownTable(bets), '']),
    ...labWitnesses(results).flatMap(({ title, witness, stoppedBy }) => [
      `### ${title}: the moment it happened`,
      '',
      `${witness.contradiction} ${stoppedBy}`,
      '',
      '```text',
      ...eventLines(witness),
      '```',
      '',
    ]),
  ].join('\n');
}
