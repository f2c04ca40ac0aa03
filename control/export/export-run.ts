import { EXPORTS, type ExportFormat, type ExportedFile } from '../../contract/export-formats.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { exportCsv } from './export-csv.ts';
import { exportHtml } from './export-html.ts';
import { exportJson } from './export-json.ts';
import { exportJunit } from './export-junit.ts';
import { exportMarkdown } from './export-markdown.ts';
import { printCharts, printPdf, type OpenTab } from './print/print-report.ts';

/** What some formats need beside the record. */
export interface ExportParts {
  /** Of the newest runs. */
  readonly evidence: { read(runId: string): Promise<Buffer> };
  /** A page of a browser, which draws. */
  readonly openTab: OpenTab;
}

/** How each format is made. A record alone is enough for most of them. */
const WRITERS: Readonly<
  Record<ExportFormat, (record: RunRecord, parts: ExportParts) => string | Promise<Buffer>>
> = {
  json: exportJson,
  csv: exportCsv,
  html: exportHtml,
  md: exportMarkdown,
  junit: exportJunit,
  pdf: (record, { openTab }) => printPdf(exportHtml(record), openTab),
  png: (record, { openTab }) => printCharts(exportHtml(record), openTab),
  evidence: ({ id }, { evidence }) => evidence.read(id),
};

/**
 * A run in the format that was asked for; the caller decides where it goes.
 * @throws FailureError where its evidence is not kept, or no browser can draw it
 */
export async function exportRun(
  record: RunRecord,
  format: ExportFormat,
  parts: ExportParts,
): Promise<ExportedFile> {
  const { extension, mediaType } = EXPORTS[format];
  const content = await WRITERS[format](record, parts);
  const file = { fileName: `flashgrid-${record.id}.${extension}`, mediaType };
  return typeof content === 'string'
    ? { ...file, text: content }
    : { ...file, text: content.toString('base64'), isBase64: true };
}
