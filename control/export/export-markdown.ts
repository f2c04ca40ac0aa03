/** A run as Markdown for a pull request: the verdict and what it rests on; the rest is folded away. */
import { checkState, type CheckState } from '../../contract/checks.ts';
import { markdownTable, utcTime, whole } from '../../contract/format.ts';
import { latencyRows, repeatCommand } from '../../contract/run-figures.ts';
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
import { eventLines } from '../../contract/witness.ts';

const SIGNS: Readonly<Record<RunRecord['verdict'], string>> = { pass: '✅', fail: '❌', invalid: '⚠️' };

/** The whole text. */
export function exportMarkdown(record: RunRecord): string {
  const { id, startedAt, audit, environment } = record;
  const faults = faultRows(record).map(({ moment, title, fault, effect, word }) => [
    moment,
    `${title} (${fault})`,
    effect,
    word,
  ]);
  const latencies = latencyRows(record);
  const reasons = [...record.reasons, ...notesOf({ ...record, faults: [] })];
  return [
    `## ${SIGNS[record.verdict]} ${plain(`${verdictWord(record)}: ${titleOf(record.attack)}`)}`,
    plain(headlineOf(record)),
    reasons.map((reason) => `- ${plain(reason)}`).join('\n'),
    tableOf([
      ['figure', 'value'],
      ['tickets sold', `${whole(audit.sold)} of ${whole(audit.stock)}`],
      ...promiseCounts(record).map(([name, count]) => [name, whole(count)]),
      ...keyFigures(record),
    ]),
    audit.checks.length === 0
      ? ''
      : tableOf([
          ['', 'check', 'evidence'],
          ...audit.checks.map((check) => [signOf(check), check.title, check.evidence.summary]),
        ]),
    ...audit.checks.flatMap(({ title, evidence: { witness } }) =>
      witness === undefined
        ? []
        : [
            `**${plain(title)}.** Witness: ${plain(witness.contradiction)}`,
            eventLines(witness)
              .map((line) => `- ${plain(line)}`)
              .join('\n'),
          ],
    ),
    latencies.length === 0 ? '' : tableOf(latencies),
    faults.length === 0 ? '' : tableOf([FAULT_COLUMNS, ...faults]),
    // The command stands below, as code.
    ...factGroups(record)
      .filter(({ isWide }) => !isWide)
      .map(({ title, facts }) =>
        folded(
          title,
          facts.map(([name, value]) => [name, value]),
        ),
      ),
    `\`\`\`sh\n${repeatCommand(record)}\n\`\`\``,
    `${record.target ? `Shop under test: ${plain(record.target.name)} at ${plain(record.target.url)}. ` : ''}Run ${plain(id)}, ${utcTime(startedAt)}, FlashGrid ${plain(environment.flashgrid)}.`,
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n');
}

const CHECK_SIGNS: Readonly<Record<CheckState, string>> = {
  passed: '✅',
  open: '❔',
  failed: '❌',
  notJudged: '➖ not judged',
};
const signOf = (check: Check) => CHECK_SIGNS[checkState(check)];

const folded = (title: string, rows: readonly (readonly string[])[]) =>
  `<details><summary>${title}</summary>\n\n${tableOf([[title, 'value'], ...rows])}\n\n</details>`;

/** A table whose cells are shown as they are. */
export const tableOf = (rows: readonly (readonly string[])[]) =>
  markdownTable(rows.map((row) => row.map(plain)));

/**
 * A text that Markdown shows as it is: no markup, no link and no mention of a person. Buyers choose their own ids, and
 * those are among the evidence.
 */
export function plain(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}]/gu, ' ')
    .replace(/[&<>@]|:(?=\/\/)|\.(?=\w)(?<=www\.)/gi, (sign) => `&#${sign.codePointAt(0)};`)
    .replace(/[\\`*_[\]|~]/g, '\\$&');
}
