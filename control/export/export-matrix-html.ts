/** The results of a crash matrix as one HTML file that needs nothing else: no script, no network, both themes, and paper. */
import { coverageRows, mergeCoverages } from '../../contract/coverage.ts';
import { plural, utcTime, whole } from '../../contract/format.ts';
import {
  MATRIX_COLUMNS,
  MATRIX_OUTCOMES,
  matrixSentences,
  matrixVerdict,
  outcomeOf,
  pathsText,
  rowsOf,
  type MatrixOutcome,
  type MatrixResult,
} from '../../contract/matrix-report.ts';
import { RARE_PATHS } from '../../services/shared/rare-paths.ts';
import { NOTHING, html, type Markup } from '../../contract/charts/markup.ts';
import {
  htmlPage,
  renderFigures,
  renderProof,
  renderReasons,
  renderTop,
  renderVerdict,
} from './html/page.ts';

const WORDS: Readonly<Record<MatrixOutcome, readonly [word: string, verdict: 'pass' | 'fail' | 'invalid']>> =
  {
    pass: ['HELD', 'pass'],
    broken: ['BROKEN', 'fail'],
    undecided: ['UNDECIDED', 'invalid'],
    'no effect': ['NO EFFECT', 'invalid'],
    invalid: ['NOT PROVEN', 'invalid'],
  };

interface MadeBy {
  readonly version: string;
  readonly atMs: number;
}

/** The whole page. */
export function exportMatrixHtml(results: readonly MatrixResult[], { version, atMs }: MadeBy): string {
  const [word, verdict] = WORDS[matrixVerdict(results)];
  const rows = rowsOf(results);
  const total = (
    field: 'requests' | 'oversold' | 'undersold' | 'lost' | 'duplicated' | 'pending' | 'unknown',
  ) => results.reduce((sum, result) => sum + result[field], 0);
  const [, ...sentences] = matrixSentences(results);
  const providers = [...new Set(results.map(({ provider }) => provider))];
  const seeds = new Set(results.map(({ seed }) => seed)).size;
  return htmlPage(
    `${word}: crash matrix, ${plural(results.length, 'attack')} (FlashGrid)`,
    html`${renderTop('Crash matrix', utcTime(new Date(atMs).toISOString()))}
      <section class="card hero ${verdict}">
        <div>
          ${renderVerdict(word, verdict)}
          <p class="headline">
            Each fault broke one part in the middle of an attack of its own, and the audit then accounted for
            every request.
            ${MATRIX_OUTCOMES[matrixVerdict(results)].replace(/^./, (first) => first.toUpperCase())}.
          </p>
        </div>
        <div class="sold">
          <b>${whole(results.length)}</b>
          <p>${results.length === 1 ? 'attack' : 'attacks'}, ${plural(rows.length, 'fault')}</p>
        </div>
        ${renderReasons(sentences)}
      </section>
      ${renderProof([
        ['oversold', total('oversold')],
        ['undersold', total('undersold')],
        ['lost', total('lost')],
        ['doubled', total('duplicated')],
      ])}
      ${renderFigures([
        ['requests', whole(total('requests'))],
        ['without a clear answer', whole(total('unknown'))],
        ['left undecided', whole(total('pending'))],
        ['seeds', whole(seeds)],
        ['faults', whole(rows.length)],
        ['backends', providers.join(', ') || '–'],
      ])}
      <h2>Fault by fault</h2>
      <div class="card faults matrix">
        <table>
          <thead>
            <tr>
              <th scope="col">fault</th>
              ${MATRIX_COLUMNS.map(([, title]) => html`<th scope="col" class="number">${title}</th>`)}
              <th scope="col">rare paths taken most</th>
            </tr>
          </thead>
          <tbody>
            ${rows.map(
              (row) =>
                html`<tr>
                  <th scope="row">${row.fault}</th>
                  ${MATRIX_COLUMNS.map(([field]) => {
                    const isBad = row[field] > 0 && !['attacks', 'requests', 'pass'].includes(field);
                    return html`<td class="number${isBad ? ' no' : ''}">${whole(row[field])}</td>`;
                  })}
                  <td>${pathsText(row.coverage)}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
      ${renderCoverage(results)}
      <h2>Every attack</h2>
      <p class="hint">
        A command repeats its attack on a cluster that runs with two gateways and three workers:
        <code>flashgrid up --gateways 2 --workers 3</code>
      </p>
      <div class="card checks matrix">${rows.map(({ fault }) => renderFault(fault, results))}</div>
      <footer>
        Made by FlashGrid ${version}. Each attack has a seed, from which the moment, the length and the value
        of its fault come, and the size of the attack. <em>No effect</em> and <em>undecided</em> count attacks
        that proved nothing, <em>broken</em> those in which a check failed.
      </footer>`,
  );
}

/** Which rare paths of the engine all attacks together took, and which none took. */
function renderCoverage(results: readonly MatrixResult[]): Markup {
  const { taken, never } = mergeCoverages(results.map(({ coverage }) => coverage));
  const rows = coverageRows(taken);
  return html`<h2>Rare paths of the engine</h2>
    <div class="tables two">
      <section class="card">
        <h3>Taken: ${whole(rows.length)} of ${whole(rows.length + never.length)}</h3>
        <dl>
          ${rows.map(
            ([title, times]) =>
              html`<dt>${title}</dt>
                <dd>${times}</dd>`,
          )}
        </dl>
      </section>
      <section class="card">
        <h3>Taken by no attack: ${whole(never.length)}</h3>
        <p class="hint">
          ${never.map((path) => RARE_PATHS[path].title).join(', ') || 'None: every rare path was taken'}.
        </p>
      </section>
    </div>`;
}

function renderFault(fault: string, all: readonly MatrixResult[]): Markup {
  const results = all.filter((result) => result.fault === fault);
  const worst = matrixVerdict(results);
  const isHeld = worst === 'pass';
  return html`<details
    class="${isHeld ? 'yes' : worst === 'broken' ? 'no' : 'open'}"
    ${isHeld ? NOTHING : html` open`}
  >
    <summary>
      <svg class="sign" viewBox="0 0 32 32" role="img" aria-label="${WORDS[worst][0].toLowerCase()}">
        <circle cx="16" cy="16" r="16" />
        <path
          d="${isHeld ? 'M9.5 16.8l4.6 4.6 8.6-9.6' : worst === 'broken' ? 'M11 11l10 10M21 11 11 21' : 'M16 9v8.5M16 22.5v.5'}"
        /></svg
      ><strong>${fault}</strong
      ><svg class="more" viewBox="0 0 20 20" aria-hidden="true"><path d="m4 7 6 6 6-6" /></svg
      ><span class="say">${plural(results.length, 'attack')}: ${MATRIX_OUTCOMES[worst]}.</span>
    </summary>
    <ul class="attacks">
      ${results.map(
        (result) =>
          html`<li>
            <b>Seed ${result.seed}, ${result.provider}: ${outcomeOf(result)}.</b> ${result.effect ?? ''}
            ${result.reasons.join(' ')}
            ${result.broken.length > 0 ? `Failed checks: ${result.broken.join(', ')}.` : ''}
            ${pathsText(result.coverage, Infinity) === '' ? '' : `Rare paths: ${pathsText(result.coverage, Infinity)}.`}
            <code>flashgrid attack ${result.args}</code>
            <span class="run">${result.runId}</span>
          </li>`,
      )}
    </ul>
  </details>`;
}
