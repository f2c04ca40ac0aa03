/** A comparison of runs as one HTML file that needs nothing else: the figures side by side, the charts laid over each other. */
import { CHART_TEXTS } from '../../contract/chart-text.ts';
import {
  COMPARISON_WORDS,
  comparisonRows,
  comparisonSentences,
  type ComparedSide,
  type Comparison,
} from '../../contract/comparison.ts';
import { compact, plural, utcTime, whole } from '../../contract/format.ts';
import { promiseCounts } from '../../contract/run-text.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { addSamples, emptySeries, type SeriesPoint } from '../../contract/series.ts';
import { renderChart, type ChartSeries, type ColorName } from './html/chart.ts';
import { NOTHING, html, type Markup } from './html/markup.ts';
import { htmlPage, renderProof, renderReasons, renderTable, renderTop, renderVerdict } from './html/page.ts';
import { timeLabel } from './html/scale.ts';

const TONES = { worse: 'fail', mixed: 'fail', better: 'pass', same: 'pass', unknown: 'invalid' } as const;

interface MadeBy {
  readonly version: string;
  readonly atMs: number;
}

/** The whole page. */
export function exportComparisonHtml(comparison: Comparison, { version, atMs }: MadeBy): string {
  const { verdict, a, b, setUp } = comparison;
  const [word, tone] = [COMPARISON_WORDS[verdict], TONES[verdict]];
  const [first = '', ...sentences] = comparisonSentences(comparison);
  const runs = [...a.runs, ...b.runs];
  const broken = promiseTotals(runs);
  return htmlPage(
    `${word}: ${b.name} against ${a.name} (FlashGrid)`,
    html`${renderTop(`${b.name} against ${a.name}`, utcTime(new Date(atMs).toISOString()))}
      <section class="card hero ${tone}">
        <div>
          ${renderVerdict(word, tone)}
          <p class="headline">${first}</p>
        </div>
        ${renderReasons(sentences)}
      </section>
      ${renderProof(broken)}
      <h2>Side by side</h2>
      ${renderTable('Figures', comparisonRows(comparison))}
      ${
        setUp.length === 0
          ? NOTHING
          : html`<h2>Where the set-ups differ</h2>
              ${renderTable('Set-ups', [['setting', 'A', 'B'], ...setUp])}`
      }
      ${renderOverlaid(a, b)}
      <footer>
        Made by FlashGrid ${version}. A and B are medians of their runs; a change is the middle of all
        differences between a run of A and one of B. Throughput has an interval of its own, and the other
        metrics one that holds for all of them at once.
      </footer>`,
  );
}

/** How often a promise was broken, over all runs. */
const promiseTotals = (runs: readonly RunRecord[]) =>
  (runs[0] ? promiseCounts(runs[0]) : []).map(
    ([name], at) => [name, runs.reduce((sum, run) => sum + (promiseCounts(run)[at]?.[1] ?? 0), 0)] as const,
  );

const hintOf = (id: keyof typeof CHART_TEXTS) => `${CHART_TEXTS[id].hint}.`;

/** Columns of a chart. */
const COLUMNS = 80;

/** The run whose throughput is in the middle: the mean of several would have a shape that no run had. */
function middleRun({ runs }: ComparedSide): RunRecord | undefined {
  return [...runs].sort((x, y) => x.load.rps - y.load.rps)[Math.floor((runs.length - 1) / 2)];
}

function renderOverlaid(a: ComparedSide, b: ComparedSide): Markup {
  const sides = [
    { letter: 'A', color: 'blue', side: a },
    { letter: 'B', color: 'orange', side: b },
  ] as const;
  const lines = sides.flatMap(({ letter, color, side }) => {
    const run = middleRun(side);
    if (!run) return [];
    const { points } = addSamples(emptySeries(run.id, COLUMNS), run.series);
    return [{ letter, color, run, points, count: side.runs.length }];
  });
  const endMs = Math.max(0, ...lines.map(({ points }) => points.at(-1)?.tMs ?? 0));
  if (endMs === 0) return NOTHING;
  const edges = Array.from({ length: COLUMNS }, (_, at) => ({
    startMs: (at * endMs) / COLUMNS,
    endMs: ((at + 1) * endMs) / COLUMNS,
  }));
  const chart = (
    id: 'surge' | 'latency' | 'queue' | 'inventory',
    title: string,
    caption: string,
    formatY: (value: number) => string,
    valueOf: (point: SeriesPoint) => number | undefined,
  ) => {
    const series = lines.map(
      ({ letter, color, run, points }) =>
        ({
          kind: 'line' as const,
          name: `${letter}: ${run.id}`,
          color: color satisfies ColorName,
          isDashed: letter === 'B',
          note: '',
          values: edges.map((edge) => {
            const middleMs = (edge.startMs + edge.endMs) / 2;
            const point = points.find(({ tMs }) => tMs >= middleMs);
            return point && valueOf(point);
          }),
        }) satisfies ChartSeries,
    );
    return renderChart({
      id,
      title,
      caption,
      columns: edges.map((edge, at) => ({
        ...edge,
        tooltip: `${timeLabel(edge.endMs, endMs >= 1_500)}: ${series
          .map(({ name, values }) => `${name} ${values[at] === undefined ? '–' : formatY(values[at])}`)
          .join(', ')}`,
      })),
      series,
      formatY,
    });
  };
  const of = lines.map(({ letter, count }) => `${letter}: ${plural(count, 'run')}`).join(', ');
  return html`<h2>Over each other</h2>
    <p class="hint">Of each side the run whose throughput is in the middle (${of}).</p>
    <div class="charts">
      ${[
        chart('surge', 'Answers a second', 'Accepted and rejected together.', compact, ({ rps }) => rps),
        chart(
          'latency',
          'Latency, p99',
          hintOf('latency'),
          (value) => `${compact(value)} ms`,
          ({ p99Ms, accepted, rejected }) => (accepted + rejected > 0 ? p99Ms : undefined),
        ),
        chart(
          'queue',
          'Queue depth',
          'Reservations that wait for a decision.',
          whole,
          ({ queueDepth }) => queueDepth,
        ),
        chart(
          'inventory',
          CHART_TEXTS.inventory.title,
          hintOf('inventory'),
          whole,
          ({ remaining }) => remaining ?? undefined,
        ),
      ]}
    </div>`;
}
