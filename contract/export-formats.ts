/** What a run can be exported as: options of the terminal and the window's menu are made from this table. */
import { z } from 'zod';

export interface ExportFormatText {
  /** What stands in the window's menu. */
  readonly label: string;
  /** What `--help` says of the option of that name. */
  readonly help: string;
  readonly extension: string;
  readonly mediaType: string;
}

const TABLE = {
  html: {
    label: 'Report, one HTML file',
    help: 'write the report as one HTML file',
    extension: 'html',
    mediaType: 'text/html; charset=utf-8',
  },
  pdf: {
    label: 'Report, PDF',
    help: 'write the report as PDF; needs Chromium, Chrome or Edge on this machine, or FlashGrid’s window',
    extension: 'pdf',
    mediaType: 'application/pdf',
  },
  json: {
    label: 'Full record, JSON',
    help: 'write the run record; `-` is the standard output',
    extension: 'json',
    mediaType: 'application/json',
  },
  csv: {
    label: 'Time series, CSV',
    help: 'write the series as CSV',
    extension: 'csv',
    mediaType: 'text/csv; charset=utf-8',
  },
  md: {
    label: 'Summary for a pull request, Markdown',
    help: 'write a summary for a pull request, in Markdown',
    extension: 'md',
    mediaType: 'text/markdown; charset=utf-8',
  },
  junit: {
    label: 'Test report for CI, JUnit',
    help: 'write a test report for CI, as JUnit XML: a test case for each check and each `--slo`, and one for the verdict',
    extension: 'junit.xml',
    mediaType: 'application/xml',
  },
  png: {
    label: 'Charts, PNG in a ZIP file',
    help: 'write each chart as PNG, all in one ZIP file; needs a browser as `--pdf` does',
    extension: 'charts.zip',
    mediaType: 'application/zip',
  },
  evidence: {
    label: 'Evidence, to be judged by others',
    help: 'write what the verdict rests on, for `verify`',
    extension: 'evidence.gz',
    mediaType: 'application/gzip',
  },
} as const satisfies Record<string, ExportFormatText>;

export type ExportFormat = keyof typeof TABLE;
export const EXPORTS: Readonly<Record<ExportFormat, ExportFormatText>> = TABLE;
export const EXPORT_FORMATS = Object.keys(TABLE) as ExportFormat[];
export const exportFormatSchema = z.enum(EXPORT_FORMATS);

export const exportedFileSchema = z.object({
  fileName: z.string(),
  mediaType: z.string(),
  text: z.string(),
  /** `text` holds bytes. */
  isBase64: z.boolean().optional(),
});
export type ExportedFile = z.infer<typeof exportedFileSchema>;
