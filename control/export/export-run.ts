import type { ExportFormat, ExportedFile } from '../../contract/contract.ts';
import { exportCsv } from './export-csv.ts';
import { exportHtml } from './export-html.ts';
import { exportJson } from './export-json.ts';
import type { RunRecord } from '../../contract/run-record.ts';

/** Formats that are made from the record alone. */
type RecordFormat = Exclude<ExportFormat, 'evidence'>;

const FORMATS: Readonly<Record<RecordFormat, { mediaType: string; write: (record: RunRecord) => string }>> = {
  json: { mediaType: 'application/json', write: exportJson },
  csv: { mediaType: 'text/csv; charset=utf-8', write: exportCsv },
  html: { mediaType: 'text/html; charset=utf-8', write: exportHtml },
};

/** A run in the format that was asked for; the caller decides where it goes. */
export function exportRun(record: RunRecord, format: RecordFormat): ExportedFile {
  const { mediaType, write } = FORMATS[format];
  return { fileName: `flashgrid-${record.id}.${format}`, mediaType, text: write(record) };
}
