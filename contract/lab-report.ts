/** What a lab came to: one row a design, and the moment of a double sale. */
import { DESIGNS, DESIGN_IDS, type DesignFacts, type DesignId } from './designs.ts';
import { markdownTable, milliseconds, plural, whole } from './format.ts';
import type { LabResult } from './lab.ts';
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

/** Whether what was seen agrees with what the design claims. */
export function agrees(design: DesignId, results: readonly LabResult[]): boolean {
  const { oversells } = DESIGNS[design];
  const oversold = results.some((result) => result.oversold > 0);
  return oversells === 'always' ? oversold : !oversold;
}

export const LAB_COLUMNS = [
  'design',
  'answers when',
  'oversold',
  'undersold',
  'lost',
  'answers/s',
  'p50',
  'p99',
  'CPU a request',
  'commits',
  'lock waits',
  'retries',
  'gave up',
  'as claimed',
] as const;

/** The bets beside the truth; nothing where there was no bet. */
export function labBets(results: readonly LabResult[]): readonly (readonly string[])[] {
  const rows = DESIGN_IDS.flatMap((design) => {
    const own = ofDesign(results, design);
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

/** The table as text; the heading first. */
export function labRows(results: readonly LabResult[]): readonly (readonly string[])[] {
  const rows = DESIGN_IDS.map((design) => [design, ofDesign(results, design)] as const).filter(
    ([, own]) => own.length > 0,
  );
  return [
    LAB_COLUMNS,
    ...rows.map(([design, own]) => {
      const { title, answers } = DESIGNS[design];
      const cost = (of: (costs: NonNullable<LabResult['costs']>) => number) =>
        own.every(({ costs }) => costs !== undefined)
          ? whole(mean(own, ({ costs }) => (costs ? of(costs) : 0)))
          : '–';
      const waits = mean(own, ({ costs }) => costs?.lockWaitMs ?? 0);
      return [
        title,
        answers,
        often(own, ({ oversold }) => oversold),
        often(own, ({ undersold }) => undersold),
        often(own, ({ lost }) => lost),
        whole(mean(own, ({ rps }) => rps)),
        milliseconds(mean(own, ({ p50Ms }) => p50Ms)),
        milliseconds(mean(own, ({ p99Ms }) => p99Ms)),
        `${whole(mean(own, ({ cpuMicros }) => cpuMicros ?? 0))} µs`,
        cost(({ commits }) => commits),
        waits > 0 ? milliseconds(waits) : '–',
        cost(({ retries }) => retries),
        cost(({ gaveUp }) => gaveUp),
        agrees(design, own) ? 'yes' : 'NO',
      ];
    }),
  ];
}

/** What must be known to read the table. */
export function labSentences(results: readonly LabResult[]): string[] {
  const rounds = [...new Set(results.map(({ round }) => round))];
  const arrivalsOf = (round: number) =>
    results.filter((one) => one.round === round).map((one) => one.arrivals);
  const unlike = rounds.filter((round) => new Set(arrivalsOf(round)).size > 1);
  const wrong = DESIGN_IDS.filter((design) => {
    const own = ofDesign(results, design);
    return own.length > 0 && !agrees(design, own);
  });
  const requests = results[0]?.requests ?? 0;
  const withheld = results.filter(({ isSpeedWithheld }) => isSpeedWithheld).length;
  return [
    `${plural(results.length, 'attack')} in ${plural(rounds.length, 'round')}, ${whole(requests)} requests each. No design was slowed down on purpose.`,
    unlike.length === 0
      ? 'The buyers of each round, and their order, were the same for every design (by SHA-256).'
      : `In round ${unlike.join(', ')} the buyers were not the same for every design: an attack was broken off.`,
    wrong.length === 0
      ? 'What was seen agrees with what each design claims.'
      : `Not as claimed: ${wrong.map((design) => DESIGNS[design].title).join(', ')}.`,
    ...(withheld === 0
      ? []
      : [
          `The speed verdict is withheld in ${plural(withheld, 'attack')}: load generator or machine was the limit, so their answers/s and latencies do not measure the design.`,
        ]),
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
    markdownTable(labRows(results)),
    ...(bets.length === 0 ? [] : ['', '### The bets', '', markdownTable(bets)]),
    ...labWitnesses(results).flatMap(({ title, witness, stoppedBy }) => [
      '',
      `### ${title}: the moment it happened`,
      '',
      `${witness.contradiction} ${stoppedBy}`,
      '',
      '```text',
      ...eventLines(witness),
      '```',
    ]),
    '',
  ].join('\n');
}
