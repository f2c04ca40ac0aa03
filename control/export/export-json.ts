import type { RunRecord } from '../../contract/run-record.ts';

/** The run record itself, indented for people who read it. */
export function exportJson(record: RunRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}
