/** The totals of a run, read back out of its exports, never by the code that wrote them. */
import { parse, type TestSuite } from 'junit2json';
import PDFParser from 'pdf2json';
import { z } from 'zod';
import type { RunRecord } from '../../contract/run-record.ts';

/** Each total by its place in the record, and what people read beside it. */
const TOTALS = {
  'load.sent': 'Sent',
  'load.accepted': 'Accepted (202)',
  'load.rejected': 'Rejected by the gateway',
  'load.unknown': 'No clear answer',
  'audit.stock': 'Stock',
  'audit.sold': 'Sold',
  'audit.granted': 'Granted',
  'audit.refused': 'Refused by the worker',
  'audit.lost': 'Lost',
  'audit.duplicated': 'Duplicated',
  'audit.oversold': 'Oversold',
} as const;

type Totals = Readonly<Record<string, number>>;

const totals = (read: (place: string, label: string) => unknown): Totals =>
  Object.fromEntries(Object.entries(TOTALS).map(([place, label]) => [place, Number(read(place, label))]));

const placesSchema = z.record(z.string(), z.unknown());

/** Those of the record itself. */
export const totalsOfRecord = (record: Pick<RunRecord, 'load' | 'audit'>): Totals =>
  totals((place) => {
    const [part = '', field = ''] = place.split('.');
    return placesSchema.parse(placesSchema.parse(record)[part])[field];
  });

/** Beside its label, as `mark` writes the two; NaN where it is not. */
const labelled = (text: string, mark: (label: string) => string): Totals =>
  totals((_, label) => new RegExp(mark(label.replace(/[()]/g, '\\$&'))).exec(text)?.[1]?.replaceAll(',', ''));

const NUMBER = '([\\d,]+)';

/** Those of an export, by its format. */
export const TOTALS_OF = {
  json: (text) => totalsOfRecord(z.object({ load: z.any(), audit: z.any() }).parse(JSON.parse(text))),
  csv: (text) => totals((place) => new RegExp(`^summary,${place},(\\d+),`, 'm').exec(text)?.[1]),
  html: (text) => labelled(text, (label) => `<dt>${label}</dt>\\s*<dd>${NUMBER}</dd>`),
  md: (text) => labelled(text, (label) => `\\| ${label} \\| ${NUMBER} \\|`),
  junit: async (text) => {
    const { properties = [] } = await suiteOf(text);
    return totals((place) => properties.find(({ name }) => name === place)?.value);
  },
} satisfies Record<string, (text: string) => Totals | Promise<Totals>>;

/** Those of a PDF, read by a parser that is not ours: a label, and the figure in the same row. */
export async function totalsOfPdf(pdf: Buffer): Promise<Totals> {
  const parser = new PDFParser(null, true);
  const text = await new Promise<string>((resolve, reject) => {
    parser.on('pdfParser_dataReady', () => resolve(parser.getRawTextContent()));
    parser.on('pdfParser_dataError', (error) => reject(new Error(String(error))));
    parser.parseBuffer(pdf, 0);
  });
  return labelled(text, (label) => `${label} +${NUMBER}`);
}

/** The only suite of a JUnit document, by a parser that is not ours. */
export async function suiteOf(text: string): Promise<TestSuite> {
  const document = await parse(text);
  const [suite] = document && 'testsuite' in document ? (document.testsuite ?? []) : [];
  if (!suite) throw new Error('no test suite');
  return suite;
}
