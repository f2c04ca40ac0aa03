/** A comparison of runs for the terminal and for a pull request. */
import {
  COMPARISON_WORDS,
  comparisonJson,
  comparisonRows,
  comparisonSentences,
  groupRows,
  type Comparison,
  type ComparisonFormat,
} from '../../contract/comparison.ts';
import { plural, wrapText } from '../../contract/format.ts';
import { EXPORTS, type ExportedFile } from '../../contract/export-formats.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { withheldOf } from '../../contract/run-notes.ts';
import { verdictWord } from '../../contract/run-text.ts';
import { exportComparisonHtml } from './export-comparison-html.ts';
import { plain, tableOf } from './export-markdown.ts';

/** Without a closing line feed. */
export function formatComparison(comparison: Comparison, width: number): string {
  return [
    COMPARISON_WORDS[comparison.verdict],
    ...comparisonSentences(comparison).flatMap((sentence) => wrapText(sentence, width)),
    '',
    ...aligned(comparisonRows(comparison)),
  ].join('\n');
}

/** Repeated runs in one table: what they came to, and how far each metric spread. Without a closing line feed. */
export function formatGroup(records: readonly RunRecord[]): string {
  const words = records.map(verdictWord);
  const counts = [...new Set(words)].map((word) => `${words.filter((one) => one === word).length} ${word}`);
  const withheld = records.filter((record) => withheldOf(record).length > 0).length;
  return [
    `${plural(records.length, 'run')}: ${counts.join(', ')}`,
    ...(withheld === 0
      ? []
      : [`Speed verdict withheld in ${plural(withheld, 'run')}, which the table leaves out.`]),
    '',
    ...aligned(groupRows(records)),
  ].join('\n');
}

/** A table as lines of text, its columns below each other. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

const SIGNS: Readonly<Record<Comparison['verdict'], string>> = {
  worse: '❌',
  mixed: '❌',
  better: '✅',
  same: '✅',
  unknown: '❔',
};

/** A comparison as a file. */
export function exportComparison(
  comparison: Comparison,
  format: ComparisonFormat,
  version: string,
): ExportedFile {
  const texts = {
    json: () => `${JSON.stringify(comparisonJson(comparison), null, 2)}\n`,
    html: () => exportComparisonHtml(comparison, { version, atMs: Date.now() }),
    md: () => comparisonMarkdown(comparison),
  };
  const { extension, mediaType } = EXPORTS[format];
  return { fileName: `flashgrid-comparison.${extension}`, mediaType, text: texts[format]() };
}

/** The whole text. */
function comparisonMarkdown(comparison: Comparison): string {
  return [
    `## ${SIGNS[comparison.verdict]} ${COMPARISON_WORDS[comparison.verdict]}`,
    comparisonSentences(comparison)
      .map((sentence) => `- ${plain(sentence)}`)
      .join('\n'),
    tableOf(comparisonRows(comparison)),
  ]
    .join('\n\n')
    .concat('\n');
}
