import type { z } from 'zod';

/** What a text holds; `undefined` when it is not JSON, was cut off, or does not fit. */
export function parseJson<Schema extends z.ZodType>(
  text: string,
  schema: Schema,
): z.output<Schema> | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
