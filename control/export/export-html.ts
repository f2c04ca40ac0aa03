/** A run as one HTML file that needs nothing else: no script, no network, both themes, and paper. */
import { utcTime, whole } from '../../contract/format.ts';
import { NOTHING, html, type Markup } from '../../contract/charts/markup.ts';
import {
  htmlPage,
  renderFigures,
  renderProof,
  renderReasons,
  renderTable,
  renderTop,
  renderVerdict,
  renderWitness,
} from './html/page.ts';
import { renderRunCharts } from './html/run-charts.ts';
import { latencyRows } from '../../contract/run-figures.ts';
import { notesOf } from '../../contract/run-notes.ts';
import { checkState, type CheckState } from '../../contract/checks.ts';
import type { Check, RunRecord } from '../../contract/run-record.ts';
import {
  FAULT_COLUMNS,
  factGroups,
  faultRows,
  headlineOf,
  keyFigures,
  promiseCounts,
  titleOf,
  verdictWord,
  type FactGroup,
} from '../../contract/run-text.ts';

/** The whole page. */
export function exportHtml(record: RunRecord): string {
  return htmlPage(
    `${verdictWord(record)}: ${titleOf(record.attack)} (FlashGrid run ${record.id})`,
    html`${renderTop(titleOf(record.attack), `${record.target ? `${record.target.name} · ` : ''}${utcTime(record.startedAt)} · ${record.id}`)}
      ${renderHero(record)} ${renderProof(promiseCounts(record))} ${renderFigures(keyFigures(record))}
      <h2>What happened</h2>
      ${renderFaults(record)}
      <div class="charts">${renderRunCharts(record)}</div>
      ${renderLatencies(record)} ${renderChecks(record.audit.checks)}
      <h2>How it was run</h2>
      <div class="tables">${factGroups(record).map(renderFacts)}</div>
      <footer>
        Made by FlashGrid ${record.environment.flashgrid}. The checks compare what the load generator sent and
        saw with what ${record.target ? 'the shop' : 'Postgres, Redis and RabbitMQ'} held after
        ${record.target ? 'the attack' : 'the queue was drained'}. The full record: export this run as JSON.
      </footer>`,
  );
}

function renderHero(record: RunRecord): Markup {
  const { verdict, audit } = record;
  // Faults have a table of their own.
  const reasons = [...record.reasons, ...notesOf({ ...record, faults: [] })];
  return html`<section class="card hero ${verdict}">
    <div>
      ${renderVerdict(verdictWord(record), verdict)}
      <p class="headline">${headlineOf(record)}</p>
    </div>
    <div class="sold">
      <b>${whole(audit.sold)}<span> / ${whole(audit.stock)}</span></b>
      <p>tickets sold</p>
    </div>
    ${renderReasons(reasons)}
  </section>`;
}

function renderLatencies(record: RunRecord): Markup {
  const rows = latencyRows(record);
  return rows.length === 0 ? NOTHING : renderTable('Latency by outcome', rows, 'latencies');
}

function renderFaults(record: RunRecord): Markup {
  const rows = faultRows(record);
  if (rows.length === 0) return NOTHING;
  return html`<div class="card faults">
    <table>
      <caption>
        Faults
      </caption>
      <thead>
        <tr>
          ${FAULT_COLUMNS.map((name) => html`<th scope="col">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ({ moment, title, fault, effect, word }) =>
            html`<tr>
              <th scope="row">${moment}</th>
              <td>${title} <code>${fault}</code></td>
              <td>${effect}</td>
              <td class="${word}">${word}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function renderChecks(checks: readonly Check[]): Markup {
  if (checks.length === 0) return NOTHING;
  return html`<h2>
      What was
      ${checks.every((check) => ['passed', 'notJudged'].includes(checkState(check))) ? 'proven' : 'checked'}
    </h2>
    <div class="card checks">${checks.map(renderCheck)}</div>`;
}

/** Class, name and sign of a check. */
const CHECK_LOOKS: Readonly<Record<CheckState, readonly [look: string, word: string, sign: string]>> = {
  passed: ['yes', 'Passed', 'M9.5 16.8l4.6 4.6 8.6-9.6'],
  open: ['open', 'Undecided', 'M16 9v8.5M16 22.5v.5'],
  failed: ['no', 'Failed', 'M11 11l10 10M21 11 11 21'],
  notJudged: ['none', 'Not judged', 'M10 16h12'],
};

function renderCheck(check: Check): Markup {
  const { ok, title, evidence } = check;
  const counts = Object.entries(evidence.counts);
  const [look, word, sign] = CHECK_LOOKS[checkState(check)];
  return html`<details class="${look}" ${ok ? NOTHING : html` open`}>
    <summary>
      <svg class="sign" viewBox="0 0 32 32" role="img" aria-label="${word}">
        <circle cx="16" cy="16" r="16" />
        <path d="${sign}" /></svg
      ><strong>${look === 'none' ? 'Not judged: ' : ''}${title}</strong
      ><svg class="more" viewBox="0 0 20 20" aria-hidden="true"><path d="m4 7 6 6 6-6" /></svg
      ><span class="say">${evidence.summary}</span>
    </summary>
    <div class="evidence">
      ${evidence.witness ? renderWitness(evidence.witness) : NOTHING}
      <dl>
        ${counts.map(
          ([name, count]) =>
            html`<div>
              <dt>${spaced(name)}</dt>
              <dd>${Number.isInteger(count) ? whole(count) : count.toFixed(1)}</dd>
            </div>`,
        )}
      </dl>
      ${
        evidence.offenders.length > 0
          ? html`<p class="label">First offenders</p>
              <ul>
                ${evidence.offenders.map((offender) => html`<li><code>${offender}</code></li>`)}
              </ul>`
          : NOTHING
      }
    </div>
  </details>`;
}

/** `withoutOutcome` → `without outcome`. */
function spaced(name: string): string {
  return name.replace(
    /([a-z])([A-Z])/g,
    (_, before: string, after: string) => `${before} ${after.toLowerCase()}`,
  );
}

function renderFacts({ title, facts, isWide }: FactGroup): Markup {
  return html`<section class="card${isWide ? ' wide' : ''}">
    <h3>${title}</h3>
    <dl>
      ${facts.map(
        ([name, value]) =>
          html`<dt>${name}</dt>
            <dd>${value}</dd>`,
      )}
    </dl>
  </section>`;
}
