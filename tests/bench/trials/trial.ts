/** What every trial shares: variants measured in turn, round after round (A B C A B C …), and a table of medians against the first variant. */
import process from 'node:process';
import { Rig } from '../rig.ts';
import { pairedRatio, spread } from '../stats.ts';

/** Figures of one variant in one round. */
export type Figures = Readonly<Record<string, number>>;

export interface Trial<Variant extends string> {
  readonly title: string;
  readonly variants: readonly Variant[];
  readonly rounds: number;
  /** Figures that are compared with the first variant's, pair by pair. */
  readonly compare: string | readonly string[];
  run(variant: Variant): Promise<Figures>;
}

/** Runs a trial and prints its table in Markdown. One round before the first warms up and counts for nothing. */
export async function runTrial<Variant extends string = string>({
  title,
  variants,
  rounds,
  compare,
  run,
}: Trial<Variant>): Promise<void> {
  const seen = new Map<string, Figures[]>(variants.map((variant) => [variant, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const variant of variants) {
      const figures = await run(variant);
      if (round > 0) seen.get(variant)?.push(figures);
    }
  }
  const names = Object.keys(seen.get(variants[0] ?? '')?.[0] ?? {});
  const column = (variant: string, name: string) =>
    (seen.get(variant) ?? []).map((figures) => figures[name] ?? Number.NaN);
  console.log(`\n${title} (medians of ${rounds} rounds)\n`);
  const compared = [compare].flat();
  const heads = [...names, ...compared.map((name) => `${name}, against the first (least to most)`)];
  console.log(`| variant | ${heads.join(' | ')} |`);
  console.log(`|---${'|---'.repeat(heads.length)}|`);
  for (const variant of variants) {
    const cells = names.map((name) => format(spread(column(variant, name)).median));
    for (const name of compared) {
      const { median, min, max } = pairedRatio(column(variant, name), column(variants[0] ?? '', name));
      cells.push(`${median.toFixed(3)} (${min.toFixed(2)} to ${max.toFixed(2)})`);
    }
    console.log(`| ${variant} | ${cells.join(' | ')} |`);
  }
}

function format(value: number): string {
  return value >= 1_000 ? Math.round(value).toLocaleString('en') : value.toFixed(value < 100 ? 1 : 0);
}

/** Gives `work` a started rig, and takes everything down after it, also when it is interrupted. */
export async function withRig(work: (rig: Rig) => Promise<void>): Promise<void> {
  const rig = new Rig();
  rig.endWithProcess();
  try {
    await rig.start(false);
    await work(rig);
  } finally {
    await rig.undo.release();
  }
  process.exit();
}
