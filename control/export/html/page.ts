/** What every report has around its content: one file that needs nothing else, in both themes and on paper. */
import { WITNESS_KINDS, eventTime, type Witness } from '../../../contract/witness.ts';
import { whole } from '../../../contract/format.ts';
import { Markup, NOTHING, html } from '../../../contract/charts/markup.ts';
import { STYLE } from './style.ts';

/** Scripts can't run, and nothing can be loaded, whatever the report holds. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** A whole document. */
export function htmlPage(title: string, body: Markup): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <style>
          ${new Markup(STYLE)}
        </style>
      </head>
      <body>
        <main>${body}</main>
      </body>
    </html> `.text;
}

/** The line at the head of a report: who made it, of what, and when. */
export function renderTop(title: string, when: string): Markup {
  return html`<header class="top">
    <span class="brand"
      ><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M13.5 1 4 14h6.2L9 23l10.5-13.6h-6.6z" /></svg
      >FlashGrid</span
    >
    <span>${title}</span>
    <span>${when}</span>
  </header>`;
}

/** What stands in the disc before a verdict. */
const SIGNS = {
  pass: html`<path d="M29 53 44 68 73 36" />`,
  fail: html`<path d="M34 34 66 66M66 34 34 66" />`,
  invalid: html`<path d="M50 28V56M50 71v.5" />`,
} as const;

/** Verdicts longer than this get smaller type. */
const SHORT_VERDICT = 8;

/** The verdict in one word, with its sign. */
export function renderVerdict(word: string, verdict: keyof typeof SIGNS): Markup {
  return html`<div class="verdict${word.length > SHORT_VERDICT ? ' long' : ''}">
    <svg viewBox="0 0 100 100" aria-hidden="true">
      <circle cx="50" cy="50" r="50" />
      ${SIGNS[verdict]}
    </svg>
    <h1>${word}</h1>
  </div>`;
}

/** What must be zero: each with its count. */
export function renderProof(facts: readonly (readonly [name: string, count: number])[]): Markup {
  return html`<dl class="card proof">
    ${facts.map(
      ([name, count]) =>
        html`<div${count > 0 ? html` class="bad"` : NOTHING}><dt>${name}</dt><dd>${whole(count)}</dd></div>`,
    )}
  </dl>`;
}

/** Figures beside each other. */
export function renderFigures(figures: readonly (readonly [name: string, value: string])[]): Markup {
  return html`<dl class="figures">
    ${figures.map(
      ([name, value]) =>
        html`<div class="card">
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

/** Sentences below a headline; nothing where there are none. */
export function renderReasons(reasons: readonly string[]): Markup {
  if (reasons.length === 0) return NOTHING;
  return html`<ul class="reasons">
    ${reasons.map((reason) => html`<li>${reason}</li>`)}
  </ul>`;
}

/** Rows below their heading, the first cell of each naming it; wider than a narrow page, it scrolls by itself. */
export function renderTable(
  caption: string,
  [head = [], ...rows]: readonly (readonly string[])[],
  className = '',
): Markup {
  return html`<div class="card faults ${className}" tabindex="0" role="region" aria-label="${caption}">
    <table>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${head.map((name) => html`<th scope="col">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ([name = '', ...cells]) =>
            html`<tr>
              <th scope="row">${name}</th>
              ${cells.map((cell) => html`<td>${cell}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** The events of a witness in two lanes, from top to bottom. */
export function renderWitness({ contradiction, lanes, events }: Witness): Markup {
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
