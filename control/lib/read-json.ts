import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { parseJson } from '../../services/shared/parse-json.ts';

/** What a file holds; `undefined` when it is missing, can't be read, was cut short, or does not fit. */
export function readJson<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): z.output<Schema> | undefined {
  try {
    return parseJson(readFileSync(path, 'utf8'), schema);
  } catch {
    return undefined;
  }
}
