/** A comparison of runs as one HTML file that needs nothing else: the figures side by side, the charts laid over each other. */
import {
  COMPARISON_WORDS,
  comparisonRows,
  comparisonSentences,
  type ComparedSide,
  type Comparison,
} from '../../contract/comparison.ts';
import { utcTime } from '../../contract/format.ts';
import { overlaidCharts } from '../../contract/overlaid.ts';
import { promiseCounts } from '../../contract/run-text.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { renderChart } from '../../contract/charts/chart.ts';
import { NOTHING, html, type Markup } from '../../contract/charts/markup.ts';
import { htmlPage, renderProof, renderReasons, renderTable, renderTop, renderVerdict } from './html/page.ts';
import { timeLabel } from '../../contract/charts/scale.ts';

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

const COLORS = { A: 'blue', B: 'orange' } as const;

function renderOverlaid(a: ComparedSide, b: ComparedSide): Markup {
  const overlaid = overlaidCharts(a, b);
  if (!overlaid) return NOTHING;
  const { endsMs, charts, hint } = overlaid;
  const isSeconds = (endsMs.at(-1) ?? 0) >= 1_500;
  return html`<h2>Over each other</h2>
    <p class="hint">${hint}</p>
    <div class="charts">
      ${charts.map(({ lines, ...chart }) => {
        const series = lines.map(({ side, runId, values }) => ({
          kind: 'line' as const,
          name: `${side}: ${runId}`,
          color: COLORS[side],
          isDashed: side === 'B',
          note: '',
          values,
        }));
        return renderChart({
          ...chart,
          columns: endsMs.map((endMs, at) => ({
            startMs: endsMs[at - 1] ?? 0,
            endMs,
            tooltip: `${timeLabel(endMs, isSeconds)}: ${series
              .map(
                ({ name, values }) => `${name} ${values[at] === undefined ? '–' : chart.formatY(values[at])}`,
              )
              .join(', ')}`,
          })),
          series,
        });
      })}
    </div>`;
}
