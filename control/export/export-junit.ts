/**
 * A run as JUnit XML: a test case for each check and each `--slo`, and one for the verdict, which is red whenever the exit code
 * is not 0.
 */
import { checkState, type CheckState } from '../../contract/checks.ts';
import type { Check, RunRecord } from '../../contract/run-record.ts';
import { headlineOf, titleOf, verdictWord } from '../../contract/run-text.ts';
import { missedSlos, parseSlos } from '../../contract/slo.ts';
import { eventLines } from '../../contract/witness.ts';
import { summaryRows } from './export-csv.ts';
// Under another name: prettier would format what stands in an `html` template as HTML.
import { Markup, NOTHING, html as xml } from '../../contract/charts/markup.ts';

interface TestCase {
  readonly name: string;
  /** Missing when it passed; `error` where nothing could be decided, `skipped` where there is no data to judge. */
  readonly problem?: 'failure' | 'error' | 'skipped';
  readonly message: string;
  readonly lines?: readonly string[];
}

/** The whole document. */
export function exportJunit(record: RunRecord): string {
  const cases = [...record.audit.checks.map(checkCase), ...thresholdCases(record), verdictCase(record)];
  const seconds = (Date.parse(record.finishedAt) - Date.parse(record.startedAt)) / 1_000;
  const count = (problem: TestCase['problem']) => cases.filter((one) => one.problem === problem).length;
  const totals = xml`tests="${cases.length}" failures="${count('failure')}" errors="${count('error')}" time="${seconds}"`;
  const { text } = xml`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="FlashGrid" ${totals}>
  <testsuite name="${titleOf(record.attack)}" id="${record.id}" ${totals} skipped="${count('skipped')}" timestamp="${record.startedAt}">
    <properties>
${summaryRows(record).map(([name, value]) => xml`      <property name="${name}" value="${String(value)}" />`)}
    </properties>
${cases.map((one) => renderCase(record.id, one))}
  </testsuite>
</testsuites>
`;
  // What XML has no way to write; control characters are gone already.
  return text.replace(/\p{Cs}|[\ufffe\uffff]/gu, '\ufffd');
}

function renderCase(runId: string, { name, problem, message, lines = [] }: TestCase): Markup {
  const body =
    problem === undefined
      ? NOTHING
      : xml`<${new Markup(problem)} message="${message}"${problem === 'skipped' ? NOTHING : xml` type="${problem}"`}>${lines.join('\n')}</${new Markup(problem)}>`;
  return xml`    <testcase classname="flashgrid.${runId}" name="${name}" time="0">${body}</testcase>`;
}

const PROBLEMS: Readonly<Record<CheckState, TestCase['problem']>> = {
  passed: undefined,
  open: 'error',
  failed: 'failure',
  notJudged: 'skipped',
};

function checkCase(check: Check): TestCase {
  const { title, evidence } = check;
  const problem = PROBLEMS[checkState(check)];
  const { summary, offenders, witness } = evidence;
  return {
    name: title,
    ...(problem && { problem }),
    message: summary,
    lines: [
      summary,
      ...(offenders.length === 0 ? [] : [`First offenders: ${offenders.join(', ')}`]),
      ...(witness === undefined ? [] : [`Witness: ${witness.contradiction}`, ...eventLines(witness)]),
    ],
  };
}

/** Thresholds mean nothing on a run that broke a promise, or is not valid: then they are left out, and the verdict is red. */
function thresholdCases(record: RunRecord): TestCase[] {
  const { notJudged = [] } = record.speed ?? {};
  if (record.exitCode !== 0 && record.exitCode !== 4 && notJudged.length === 0) return [];
  return parseSlos(record.attack.slo ?? '').map(({ text }) => {
    if (notJudged.includes(text))
      return { name: `Threshold ${text}`, problem: 'skipped', message: 'The speed verdict is withheld.' };
    const [missed] = missedSlos(text, record);
    return missed === undefined
      ? { name: `Threshold ${text}`, message: '' }
      : { name: `Threshold ${text}`, problem: 'failure', message: missed };
  });
}

function verdictCase(record: RunRecord): TestCase {
  const problem = { pass: undefined, fail: 'failure', invalid: 'error' } as const;
  const found = problem[record.verdict];
  return {
    name: 'Verdict',
    ...(found === undefined ? {} : { problem: found }),
    message: `${verdictWord(record)}. ${headlineOf(record)}`,
    lines: record.reasons,
  };
}
