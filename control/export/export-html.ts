/** A run as one HTML file that needs nothing else: no script, no network, both themes, and paper. */
import { utcTime, whole } from '../../contract/format.ts';
import { Markup, NOTHING, html } from './html/markup.ts';
import { renderRunCharts } from './html/run-charts.ts';
import { STYLE } from './html/style.ts';
import { notesOf } from '../../contract/run-notes.ts';
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
} from '../../contract/run-text.ts';
import { WITNESS_KINDS, eventTime, type Witness } from '../../contract/witness.ts';

/** Scripts can't run, and nothing can be loaded, whatever the record holds. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
/** Verdicts longer than this get smaller type. */
const SHORT_VERDICT = 8;

type Row = readonly [name: string, value: string];

/** The whole page. */
export function exportHtml(record: RunRecord): string {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${verdictWord(record)}: ${titleOf(record.attack)} (FlashGrid run ${record.id})</title>
        <style>
          ${new Markup(STYLE)}
        </style>
      </head>
      <body>
        <main>
          ${renderTop(record)} ${renderHero(record)} ${renderProof(record)} ${renderFigures(record)}
          <h2>What happened</h2>
          ${renderFaults(record)}
          <div class="charts">${renderRunCharts(record)}</div>
          ${renderChecks(record.audit.checks)}
          <h2>How it was run</h2>
          <div class="tables">${factGroups(record).map(({ title, facts }) => renderTable(title, facts))}</div>
          <footer>
            Made by FlashGrid ${record.environment.flashgrid}. The checks compare what the load generator sent
            and saw with what Postgres, Redis and RabbitMQ held after the queue was drained. The full record:
            export this run as JSON.
          </footer>
        </main>
      </body>
    </html> `;
  return page.text;
}

function renderTop(record: RunRecord): Markup {
  return html`<header class="top">
    <span class="brand"
      ><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M13.5 1 4 14h6.2L9 23l10.5-13.6h-6.6z" /></svg
      >FlashGrid</span
    >
    <span>${titleOf(record.attack)}</span>
    <span>${utcTime(record.startedAt)} · ${record.id}</span>
  </header>`;
}

const SIGNS: Readonly<Record<RunRecord['verdict'], Markup>> = {
  pass: html`<path d="M29 53 44 68 73 36" />`,
  fail: html`<path d="M34 34 66 66M66 34 34 66" />`,
  invalid: html`<path d="M50 28V56M50 71v.5" />`,
};

function renderHero(record: RunRecord): Markup {
  const { verdict, audit } = record;
  // Faults have a table of their own.
  const reasons = [...record.reasons, ...notesOf({ ...record, faults: [] })];
  const word = verdictWord(record);
  return html`<section class="card hero ${verdict}">
    <div>
      <div class="verdict${word.length > SHORT_VERDICT ? ' long' : ''}">
        <svg viewBox="0 0 100 100" aria-hidden="true">
          <circle cx="50" cy="50" r="50" />
          ${SIGNS[verdict]}
        </svg>
        <h1>${word}</h1>
      </div>
      <p class="headline">${headlineOf(record)}</p>
    </div>
    <div class="sold">
      <b>${whole(audit.sold)}<span> / ${whole(audit.stock)}</span></b>
      <p>tickets sold</p>
    </div>
    ${
      reasons.length > 0
        ? html`<ul class="reasons">
            ${reasons.map((reason) => html`<li>${reason}</li>`)}
          </ul>`
        : NOTHING
    }
  </section>`;
}

function renderProof(record: RunRecord): Markup {
  return html`<dl class="card proof">
    ${promiseCounts(record).map(
      ([name, count]) =>
        html`<div${count > 0 ? html` class="bad"` : NOTHING}><dt>${name}</dt><dd>${whole(count)}</dd></div>`,
    )}
  </dl>`;
}

function renderFigures(record: RunRecord): Markup {
  return html`<dl class="figures">
    ${keyFigures(record).map(
      ([name, value]) =>
        html`<div class="card">
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
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
  return html`<h2>What was ${checks.every((check) => check.ok) ? 'proven' : 'checked'}</h2>
    <div class="card checks">${checks.map(renderCheck)}</div>`;
}

function renderCheck({ ok, isOpen = false, title, evidence }: Check): Markup {
  const counts = Object.entries(evidence.counts);
  return html`<details class="${ok ? 'yes' : isOpen ? 'open' : 'no'}" ${ok ? NOTHING : html` open`}>
    <summary>
      <svg
        class="sign"
        viewBox="0 0 32 32"
        role="img"
        aria-label="${ok ? 'Passed' : isOpen ? 'Undecided' : 'Failed'}"
      >
        <circle cx="16" cy="16" r="16" />
        <path
          d="${ok ? 'M9.5 16.8l4.6 4.6 8.6-9.6' : isOpen ? 'M16 9v8.5M16 22.5v.5' : 'M11 11l10 10M21 11 11 21'}"
        /></svg
      ><strong>${title}</strong
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

function renderWitness({ contradiction, lanes, events }: Witness): Markup {
  return html`<table class="witness">
    <caption>
      <span>Witness:</span>
      ${contradiction}
    </caption>
    <thead>
      <tr>
        <th scope="col">Time</th>
        ${lanes.map((lane) => html`<th scope="col">${lane}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${events.map((event) => {
        const cell = html`<td class="event"><b>${WITNESS_KINDS[event.kind].label}</b> ${event.text}</td>`;
        const cells = event.lane === 0 ? [cell, html`<td></td>`] : [html`<td></td>`, cell];
        return html`<tr>
          <th scope="row">${eventTime(event)}</th>
          ${cells}
        </tr>`;
      })}
    </tbody>
  </table>`;
}

/** `withoutOutcome` → `without outcome`. */
function spaced(name: string): string {
  return name.replace(
    /([a-z])([A-Z])/g,
    (_, before: string, after: string) => `${before} ${after.toLowerCase()}`,
  );
}

function renderTable(title: string, rows: readonly Row[]): Markup {
  return html`<section class="card">
    <h3>${title}</h3>
    <dl>
      ${rows.map(
        ([name, value]) =>
          html`<dt>${name}</dt>
            <dd>${value}</dd>`,
      )}
    </dl>
  </section>`;
}
