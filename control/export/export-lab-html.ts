/** The results of a lab as one HTML file that needs nothing else. */
import { DESIGN_IDS } from '../../contract/designs.ts';
import { plural, utcTime, whole } from '../../contract/format.ts';
import type { LabResult } from '../../contract/lab.ts';
import {
  factRows,
  labBars,
  labBets,
  labRows,
  labSentences,
  labWitnesses,
  stoppedRows,
} from '../../contract/lab-report.ts';
import { renderLabChart } from '../../contract/charts/lab-chart.ts';
import { NOTHING, html } from '../../contract/charts/markup.ts';
import { htmlPage, renderReasons, renderTable, renderTop, renderWitness } from './html/page.ts';

export function exportLabHtml(
  results: readonly LabResult[],
  { version, atMs }: { readonly version: string; readonly atMs: number },
): string {
  const seen = DESIGN_IDS.filter((id) => results.some(({ design }) => design === id));
  const bets = labBets(results);
  return htmlPage(
    `The lab: ${plural(seen.length, 'design')} (FlashGrid)`,
    html`${renderTop('The lab', utcTime(new Date(atMs).toISOString()))}
      <section class="card hero">
        <div>
          <p class="headline">
            The same buyers came to ${plural(seen.length, 'design')}, one after the other, on the same
            databases; the same checks judged each.
          </p>
        </div>
        <div class="sold">
          <b>${whole(results.length)}</b>
          <p>attacks</p>
        </div>
        ${renderReasons(labSentences(results))}
      </section>
      ${bets.length === 0 ? NOTHING : renderTable('The bets', bets)}
      <section class="charts one">${renderLabChart(labBars(results))}</section>
      ${[
        ['Design by design', labRows(results), 'lab'] as const,
        ['When an instance is stopped', stoppedRows(results), ''] as const,
      ].map(([title, rows, name]) => (rows.length === 0 ? NOTHING : renderTable(title, rows, name)))}
      ${labWitnesses(results).map(
        ({ title, witness, stoppedBy }) =>
          html`<h2>${title}: the moment it happened</h2>
            <div class="card moment">
              ${renderWitness(witness)}
              <p><b>What should have stopped it:</b> ${stoppedBy}</p>
            </div>`,
      )}
      ${renderTable('What each waits for, and what it gives up', factRows(seen))}
      <footer>Made by FlashGrid ${version}.</footer>`,
  );
}
