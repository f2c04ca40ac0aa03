/** The lab in one picture: what a request costs each design, and whether it oversells. Made by hand, as chart.ts says. */
import type { LabBar } from '../lab-report.ts';
import { whole } from '../format.ts';
import { type Markup, NOTHING, html } from './markup.ts';

/** A figure; nothing where no cost is known. */
export function renderLabChart(bars: readonly LabBar[]): Markup {
  const widest = Math.max(...bars.map(({ ownMicros, backendMicros }) => ownMicros + backendMicros));
  if (!(widest > 0)) return NOTHING;
  const share = (micros: number) => Math.round((micros / widest) * 1_000) / 10;
  return html`<figure class="card chart" aria-labelledby="lab-chart-title">
    <figcaption>
      <h2 id="lab-chart-title">What a request costs, and what is sold</h2>
      <p>The shorter the bar, the cheaper. Red has sold more than there was.</p>
      <ul class="legend">
        <li><i class="swatch blue"></i>CPU of the design</li>
        <li><i class="swatch orange"></i>CPU of Postgres, Redis and RabbitMQ, where it needs them</li>
      </ul>
    </figcaption>
    <table class="cost" aria-labelledby="lab-chart-title">
      <thead>
        <tr>
          <th scope="col">design</th>
          <th scope="col">CPU a request</th>
          <th scope="col">sold a round</th>
        </tr>
      </thead>
      <tbody>
        ${bars.map(
          ({ title, ownMicros, backendMicros, sold, stock, isOversold }) =>
            html`<tr>
              <th scope="row">${title}</th>
              <td>
                <svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
                  <rect class="bar blue" width="${share(ownMicros)}" height="1" />
                  <rect
                    class="bar orange"
                    x="${share(ownMicros)}"
                    width="${share(backendMicros)}"
                    height="1"
                  />
                </svg>
                ${whole(ownMicros + backendMicros)} µs
              </td>
              <td class="${isOversold ? 'oversold' : ''}">${whole(sold)} of ${whole(stock)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </figure>`;
}
