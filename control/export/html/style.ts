/**
 * The report's style sheet: both themes, projector and paper. Chart colours differ in lightness, too, for
 * colour-blind people.
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f4f5fa; --card: #ffffff; --ink: #10131d; --soft: #565e74; --edge: #e1e4ee; --track: #eef0f6;
  --pass: #067a4b; --fail: #c01f37; --invalid: #8a5900;
  --pass-wash: #d9f5e6; --fail-wash: #fde0e3; --invalid-wash: #fdeecb;
  --blue: #0072b2; --orange: #d98c00; --red: #b3203f; --green: #009e73; --violet: #8b5cd6; --grey: #8a90a2;
  --shadow: 0 1px 2px rgb(16 19 29 / 5%), 0 8px 24px rgb(16 19 29 / 5%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0a0c12; --card: #141823; --ink: #f0f2f9; --soft: #9ba4ba; --edge: #262c3c; --track: #1d2230;
    --pass: #3ddc97; --fail: #ff7684; --invalid: #ffc24a;
    --pass-wash: #0e3327; --fail-wash: #43151d; --invalid-wash: #3b2b0a;
    --blue: #4fb3f0; --orange: #f0ac33; --red: #ff5d73; --green: #2fcf9f; --violet: #b08cf5; --grey: #8a90a2;
    --shadow: none;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink); font-variant-numeric: tabular-nums;
  font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', sans-serif;
}
main { max-width: 1240px; margin: 0 auto; padding: 28px clamp(16px, 3vw, 40px) 48px; }
h1, h2, h3, p, dl, dd, ul, figure { margin: 0; }
ul { padding: 0; list-style: none; }
h2 { margin: 44px 0 16px; font-size: 22px; letter-spacing: -0.01em; }
h3 { font-size: 17px; letter-spacing: -0.005em; }
.card { background: var(--card); border: 1px solid var(--edge); border-radius: 16px; box-shadow: var(--shadow); }
.top { display: flex; flex-wrap: wrap; gap: 6px 16px; align-items: baseline; justify-content: space-between; margin-bottom: 18px; color: var(--soft); }
.brand { display: inline-flex; gap: 9px; align-items: center; font-size: 19px; font-weight: 750; color: var(--ink); letter-spacing: -0.02em; }
.brand svg { width: 22px; height: 22px; fill: var(--ink); }

.hero { display: grid; grid-template-columns: 1fr auto; gap: 28px 48px; align-items: center; padding: clamp(24px, 4vw, 48px); overflow: hidden; }
.hero.pass { --tone: var(--pass); --wash: var(--pass-wash); }
.hero.fail { --tone: var(--fail); --wash: var(--fail-wash); }
.hero.invalid { --tone: var(--invalid); --wash: var(--invalid-wash); }
.hero { background: linear-gradient(115deg, var(--wash), var(--card) 78%); border-color: color-mix(in srgb, var(--tone) 35%, var(--edge)); }
.verdict { display: flex; gap: clamp(14px, 2vw, 26px); align-items: center; }
.verdict svg { flex: none; width: clamp(60px, 8vw, 104px); height: auto; }
.verdict svg circle { fill: var(--tone); }
.verdict svg path { fill: none; stroke: var(--card); stroke-width: 9; stroke-linecap: round; stroke-linejoin: round; }
.verdict h1 { color: var(--tone); font-size: clamp(44px, 7.6vw, 104px); font-weight: 820; line-height: 1; letter-spacing: -0.04em; }
.verdict.long h1 { font-size: clamp(34px, 5vw, 66px); }
.headline { margin-top: 18px; max-width: 34em; font-size: clamp(18px, 1.9vw, 25px); line-height: 1.35; text-wrap: balance; }
.sold { text-align: right; }
.sold b { display: block; font-size: clamp(48px, 6.6vw, 92px); font-weight: 780; line-height: 1; letter-spacing: -0.045em; white-space: nowrap; }
.sold b span { color: var(--soft); font-weight: 500; }
.sold p { margin-top: 8px; color: var(--soft); font-size: 19px; }
.reasons { grid-column: 1 / -1; display: grid; gap: 8px; padding-top: 20px; border-top: 1px solid color-mix(in srgb, var(--tone) 30%, var(--edge)); }
.reasons li { padding-left: 16px; border-left: 4px solid var(--tone); overflow-wrap: anywhere; }

.proof { display: grid; grid-template-columns: repeat(4, 1fr); margin-top: 16px; }
.proof div { padding: 20px 24px; border-left: 1px solid var(--edge); }
.proof div:first-child { border-left: 0; }
.proof dd { font-size: 38px; font-weight: 760; line-height: 1.1; letter-spacing: -0.03em; color: var(--pass); }
.proof .bad dd { color: var(--fail); }
.proof dt, .figures dt { color: var(--soft); }
.figures { display: grid; grid-template-columns: repeat(6, 1fr); gap: 16px; margin-top: 16px; }
.figures div { padding: 16px 20px; }
.figures dd { font-size: 27px; font-weight: 720; letter-spacing: -0.025em; line-height: 1.2; white-space: nowrap; }
.proof div, .figures div { display: flex; flex-direction: column-reverse; justify-content: flex-end; }

.charts { display: grid; grid-template-columns: 1fr 1fr; gap: 16px; }
.chart { display: flex; flex-direction: column; padding: 20px 22px 12px; min-width: 0; }
.chart figcaption { flex: 1; }
.chart figcaption p { color: var(--soft); font-size: 14.5px; }
.chart svg { display: block; width: 100%; height: auto; margin-top: 10px; overflow: visible; }
.charts.one { grid-template-columns: 1fr; margin: 16px 0; }
.one h2 { margin: 0; font-size: 20px; } .cost { width: 100%; margin-top: 10px; border-collapse: collapse; text-align: left; } .cost thead th { color: var(--soft); font-weight: 500; }
.cost th, .cost td { padding: 5px 16px 5px 0; font-weight: 500; white-space: nowrap; } .cost td:nth-child(2) { width: 60%; }
.cost svg { display: inline-block; vertical-align: -3px; width: calc(100% - 7em); height: 1.1em; margin: 0 .5em 0 0; } .cost .oversold { color: var(--fail); font-weight: 700; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin-top: 8px; font-size: 14.5px; color: var(--soft); }
.legend b { color: var(--ink); font-weight: 650; }
.legend .swatch { display: inline-block; width: 12px; height: 12px; margin-right: 7px; border-radius: 3px; background: var(--c); vertical-align: -1px; }
.legend .swatch.dashed { height: 0; border-top: 3px dashed var(--c); border-radius: 0; background: none; vertical-align: 4px; width: 18px; }
.empty { padding: 48px 0; color: var(--soft); text-align: center; }
.blue { --c: var(--blue); } .orange { --c: var(--orange); } .red { --c: var(--red); }
.green { --c: var(--green); } .violet { --c: var(--violet); } .grey { --c: var(--grey); }
.grid line { stroke: var(--edge); stroke-width: 1; }
.grid text, .mark text { fill: var(--soft); font-size: 12.5px; }
.bar { fill: var(--c); } .area { fill: var(--c); opacity: 0.16; }
.line { fill: none; stroke: var(--c); stroke-width: 2.6; stroke-linejoin: round; stroke-linecap: round; }
.line.dashed { stroke-dasharray: 6 5; }
.band { fill: var(--orange); opacity: 0.16; }
.mark line { stroke: var(--soft); stroke-dasharray: 3 4; }
.hit { fill: transparent; } .hit:hover { fill: var(--ink); fill-opacity: 0.07; }

.faults { margin-bottom: 16px; padding: 12px 22px 16px; overflow-x: auto; }
.faults table { width: 100%; border-collapse: collapse; text-align: left; }
.faults caption { padding-bottom: 4px; text-align: left; font-size: 17px; font-weight: 650; }
.faults th, .faults td { padding: 8px 16px 8px 0; border-top: 1px solid var(--edge); vertical-align: top; overflow-wrap: anywhere; }
.faults thead th { border-top: 0; color: var(--soft); font-weight: 500; font-size: 14.5px; white-space: nowrap; }
.faults tbody th { font-weight: 500; white-space: nowrap; }
.faults code { display: block; color: var(--soft); font-size: 14px; }
.faults .yes { color: var(--pass); font-weight: 650; } .faults .no { color: var(--fail); font-weight: 650; }

.latencies { margin: 16px 0 0; } .latencies th, .latencies td { padding-right: 12px; text-align: right; white-space: nowrap; }
.latencies th:first-child, .latencies th:nth-child(2), .latencies td:nth-child(2) { text-align: left; }
.latencies:focus-visible { outline: 3px solid var(--blue); }

.checks { overflow: hidden; }
.checks details + details { border-top: 1px solid var(--edge); }
.checks summary { display: grid; grid-template-columns: auto 1fr auto; gap: 2px 16px; align-items: center; padding: 15px 22px; cursor: pointer; list-style: none; }
.checks summary::-webkit-details-marker { display: none; }
.checks summary:hover { background: var(--track); }
.checks summary:focus-visible { outline: 3px solid var(--blue); outline-offset: -3px; }
.checks .sign { grid-row: span 2; width: 32px; height: 32px; }
.sign circle { fill: var(--pass); } .no .sign circle { fill: var(--fail); } .open .sign circle { fill: var(--invalid); } .none .sign circle { fill: var(--soft); }
.sign path { fill: none; stroke: var(--card); stroke-width: 3; stroke-linecap: round; stroke-linejoin: round; }
.checks strong { font-weight: 650; font-size: 17px; }
.checks .no strong { color: var(--fail); }
.checks .say { grid-column: 2; color: var(--soft); overflow-wrap: anywhere; }
.checks .more { grid-row: 1 / span 2; grid-column: 3; width: 20px; stroke: var(--soft); fill: none; stroke-width: 2; stroke-linecap: round; }
.checks [open] .more { transform: rotate(180deg); }
.evidence { padding: 2px 22px 20px 70px; }
.witness { width: 100%; margin: 4px 0 20px; border-collapse: separate; border-spacing: 0 8px; table-layout: fixed; }
.witness caption { padding-bottom: 4px; text-align: left; font-size: 17px; font-weight: 650; }
.witness caption span { color: var(--soft); font-weight: 500; }
.witness th { padding: 2px 14px 2px 0; color: var(--soft); font-size: 14px; font-weight: 500; text-align: left; vertical-align: top; }
.witness th:first-child { width: 8.2em; } .witness tbody th { padding-top: 10px; white-space: nowrap; }
.witness thead th + th { padding-top: 2px; padding-bottom: 2px; }
.witness td, .witness th + th { padding: 9px 14px; vertical-align: top; border-left: 2px solid var(--edge); overflow-wrap: anywhere; }
.witness .event { background: var(--track); border-left: 4px solid var(--fail); border-radius: 0 8px 8px 0; }
.open .witness .event { border-left-color: var(--invalid); }
.witness b { display: block; font-size: 14px; font-weight: 600; color: var(--soft); }
.evidence dl { display: flex; flex-wrap: wrap; gap: 10px 28px; }
.evidence dt { color: var(--soft); font-size: 14px; }
.evidence dd { font-size: 19px; font-weight: 650; }
.evidence ul { margin-top: 6px; }
.evidence .label { margin: 16px 0 0; font-size: 14px; font-weight: 500; color: var(--soft); }
.number { text-align: right !important; white-space: nowrap; }
.matrix.faults td, .matrix.faults th { font-size: 14.5px; padding-right: 12px; }
section + .faults { margin-top: 16px; } .lab.faults th, .lab.faults td { padding-right: 8px; font-size: 13px; white-space: nowrap; overflow-wrap: normal; }
.lab.faults thead th, .lab.faults td:nth-child(3) { white-space: normal; } .moment { margin-bottom: 16px; padding: 16px 22px; overflow-x: auto; }
.matrix.faults tbody tr:hover { background: var(--track); }
.attacks { display: grid; gap: 12px; padding: 0 22px 20px 70px; }
.attacks li { padding-left: 14px; border-left: 3px solid var(--edge); overflow-wrap: anywhere; }
.attacks code, .attacks .run { display: block; color: var(--soft); } .attacks .run { font-size: 14px; }
.hint { margin: 0 0 14px; color: var(--soft); } section .hint { margin: 12px 0 0; }
.tables.two { grid-template-columns: 1fr 1fr; } .tables.two dd { white-space: nowrap; }
code { font: 14px/1.6 ui-monospace, 'Cascadia Code', 'SF Mono', Menlo, Consolas, monospace; overflow-wrap: anywhere; }

.tables { display: grid; grid-template-columns: repeat(3, 1fr); gap: 16px; align-items: start; }
.tables section { padding: 20px 22px; }
.tables dl { display: grid; grid-template-columns: minmax(0, 1fr) fit-content(48%); gap: 6px 18px; margin-top: 12px; }
.tables dt { color: var(--soft); }
.tables dd { text-align: right; overflow-wrap: anywhere; }
.tables .wide { grid-column: 1 / -1; } .wide dl { grid-template-columns: auto 1fr; }
.wide dd { text-align: left; font: 14px/1.6 ui-monospace, 'Cascadia Code', 'SF Mono', Menlo, Consolas, monospace; }
footer { margin-top: 36px; color: var(--soft); font-size: 14.5px; }

@media (max-width: 1020px) { .figures { grid-template-columns: repeat(3, 1fr); } .tables, .tables.two { grid-template-columns: 1fr; } }
@media (max-width: 760px) {
  .attacks { padding-left: 22px; }
  .hero, .charts { grid-template-columns: 1fr; }
  .sold { text-align: left; }
  .proof, .figures { grid-template-columns: 1fr 1fr; }
  .proof div:nth-child(3) { border-left: 0; }
  .evidence { padding-left: 22px; }
  .witness th:first-child { width: 5.6em; } .witness tbody th { white-space: normal; } .witness td, .witness th + th { padding: 8px; }
}
@media (min-width: 1900px) { body { font-size: 20px; } main { max-width: 1720px; } h2 { font-size: 28px; } h3, .checks strong { font-size: 21px; }
  .sold p { font-size: 25px; } .brand { font-size: 26px; } .brand svg { width: 28px; height: 28px; }
  .chart figcaption p, .legend, .evidence dt, .evidence .label, .witness th, .witness b, footer, code { font-size: 18px; } .witness caption { font-size: 21px; } .figures dd { font-size: 36px; } .proof dd { font-size: 52px; } }
@page { size: A4; margin: 12mm; }
@media print {
  :root { --page: #fff; --card: #fff; --ink: #000; --soft: #444; --edge: #ccc; --track: #eee; --shadow: none; color-scheme: light;
    --pass: #067a4b; --fail: #c01f37; --invalid: #8a5900; --pass-wash: #fff; --fail-wash: #fff; --invalid-wash: #fff;
    --blue: #0072b2; --orange: #d98c00; --red: #b3203f; --green: #009e73; --violet: #8b5cd6; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { font-size: 12px; } main { padding: 0; }
  .figures { grid-template-columns: repeat(6, 1fr); } .charts, .tables { grid-template-columns: 1fr 1fr; }
  .hero { grid-template-columns: 1fr auto; padding: 20px; } .sold { text-align: right; } .sold b { font-size: 44px; } .proof { grid-template-columns: repeat(4, 1fr); }
  .chart { padding: 12px; } .grid text, .mark text { font-size: 17px; } .chart figcaption p, .legend { font-size: 11px; }
  .verdict h1 { font-size: 56px; } .figures dd { font-size: 17px; } .proof dd { font-size: 24px; } .headline { font-size: 16px; }
  .figures div, .proof div { padding: 8px 12px; } .tables section { padding: 12px; }
  .latencies { padding: 8px 12px; } .latencies th, .latencies td { padding: 4px 6px 4px 0; font-size: 9.5px !important; }
  .card, details { break-inside: avoid; } h2 { break-after: avoid; margin-top: 24px; }
  .checks .more { display: none; }
  details::details-content { content-visibility: visible; block-size: auto; }
  .checks summary { padding: 8px 14px; } .evidence { padding: 0 14px 10px 62px; } .evidence dd { font-size: 13px; } .evidence dt { font-size: 11px; }
  .witness { border-spacing: 0 4px; margin-bottom: 10px; } .witness caption { font-size: 13px; } .witness th, .witness b { font-size: 11px; } .witness td { padding: 4px 8px; }
}
`;
