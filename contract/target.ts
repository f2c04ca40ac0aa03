/**
 * A shop that is not FlashGrid's own, as its adapter describes it: how to buy, what an answer means, and where to read who
 * owns what. docs/target.schema.json and docs/any-shop.md describe the file.
 */
import { z } from 'zod';

const text = z.string().min(1).max(2_000);
const path = z
  .string()
  .max(2_000)
  .regex(/^\/[\x21-\x7e]*$/, 'takes a path that begins with / and has no spaces');
const OURS = ['host', 'connection', 'content-length', 'user-agent'];
const headers = z
  .record(z.string(), z.string().regex(/^[\x20-\x7e]*$/, 'takes printable ASCII'))
  .refine(
    (named) =>
      Object.keys(named).every(
        (name) => /^[\w!#$%&'*+.^`|~-]+$/.test(name) && !OURS.includes(name.toLowerCase()),
      ),
    'takes names of headers, and none that FlashGrid sets itself: Host, Connection, Content-Length, User-Agent',
  );
const status = z.number().int().min(200).max(599);
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const oneOrMore = <T extends z.ZodType>(one: T, error: string) =>
  z.union([one, z.array(one).min(1)], { error });

const match = z
  .strictObject({
    /** Of the answer. */
    status: oneOrMore(status, 'takes a status such as 200, or a list of them').optional(),
    /** Of the answer's JSON, as a path: `error.code`. It must be there, and be `is` where that is given. */
    field: text.optional(),
    is: oneOrMore(scalar, 'takes a text, a number, true, false or null, or a list of them').optional(),
  })
  .refine((one) => one.status !== undefined || one.field !== undefined, 'needs "status" or "field"')
  .refine((one) => one.is === undefined || one.field !== undefined, '"is" needs "field"');
export type AnswerMatch = z.infer<typeof match>;
const matches = oneOrMore(
  match,
  'takes { "status": 200 } or { "field": "error", "is": "…" }, or a list of such',
);

const buyRequest = z.strictObject({
  method: z.enum(['POST', 'PUT', 'PATCH', 'GET']).default('POST'),
  path,
  headers: headers.optional(),
  /** A text, or what is sent as JSON. `{buyer}` and `{request}` are replaced here, in the path and in headers. */
  body: z.union([z.string(), z.record(z.string(), z.json()), z.array(z.json())]).optional(),
});

export const declaredTargetSchema = z.strictObject({
  $schema: z.string().optional(),
  /** As reports name it. */
  name: z
    .string()
    .min(1)
    .max(80)
    .regex(/^[^\p{Cc}\p{Cf}]+$/u, 'takes printable text'),
  /** Where it listens: `http://127.0.0.1:8000`. */
  url: z.url({ protocol: /^https?$/, error: 'takes an address such as http://127.0.0.1:8000' }),
  /** Sent with every request. */
  headers: headers.optional(),
  buy: buyRequest,
  /** What an answer means; the first that fits, in this order. An answer that fits none is an error. */
  answers: z.strictObject({
    /** Nobody knows what became of it: the audit looks it up. */
    error: matches.optional(),
    soldOut: matches.optional(),
    /** For another reason. */
    refused: matches.optional(),
    /** Bought; with `outcome`: taken, and decided later. */
    accepted: matches,
    /** Fields of an accepted answer's JSON. */
    id: text.optional(),
    unit: text.optional(),
  }),
  /** Who owns what: a list over HTTP (`path`), or rows of Postgres (`sql` and `postgres`). */
  owners: z
    .strictObject({
      path: path.optional(),
      /** The field with the list; the whole answer by default. */
      list: text.optional(),
      sql: text.optional(),
      /** Connection of a user that may only read. */
      postgres: z
        .string()
        .regex(/^postgres(ql)?:\/\//, 'takes an address such as postgres://reader@127.0.0.1/shop')
        .optional(),
      /** Fields of an entry, or columns. */
      buyer: text.default('buyer'),
      unit: text.optional(),
      id: text.optional(),
    })
    .refine(
      (one) => (one.path === undefined) !== (one.sql === undefined),
      'needs "path" (HTTP) or "sql" (Postgres), and not both',
    )
    .refine(
      (one) => (one.sql === undefined) === (one.postgres === undefined),
      '"sql" needs "postgres", and "postgres" needs "sql"',
    ),
  /** Units on sale, or where to read how many are left. */
  stock: z.union([z.number().int().min(1).max(10_000_000), z.strictObject({ path, left: text })], {
    error: 'takes a whole number from 1, or { "path": "/stock", "left": "FIELD" }',
  }),
  /** Units that one buyer may own; leave it out where there is no limit. */
  limit: z.number().int().min(1).max(10).optional(),
  /** Asked for each accepted request after the attack, where the shop decides later. `{id}` and `{buyer}` are replaced. */
  outcome: z
    .strictObject({ path, granted: matches, soldOut: matches.optional(), refused: matches.optional() })
    .optional(),
  /** Sent before the attack: empties the sale. */
  reset: z.strictObject({ method: z.enum(['POST', 'PUT', 'DELETE']).default('POST'), path }).optional(),
});
export type DeclaredTarget = z.infer<typeof declaredTargetSchema>;

/** What a module exports beside its functions. */
export const moduleTargetSchema = z.object({
  name: declaredTargetSchema.shape.name,
  url: declaredTargetSchema.shape.url,
  limit: declaredTargetSchema.shape.limit,
});

/** A target as a frontend hands it over. */
export const targetSchema = z.strictObject({
  /** As it was given, to run it again. */
  file: text,
  ...moduleTargetSchema.shape,
  use: z.union([
    z.strictObject({ declared: declaredTargetSchema }),
    /** Path of a module with the same functions. */
    z.strictObject({ module: text }),
  ]),
});
export type Target = z.infer<typeof targetSchema>;

/** The target in a run's record. */
export const attackedSchema = z.object({ name: z.string(), url: z.string(), file: z.string() });

/** The most that one attack sends to a shop that is not ours. */
export const TARGET_LIMITS = { requests: 1_000_000, ratePerSec: 20_000, connections: 5_000 } as const;

/** What is between two names of a path in JSON, or at its end; `undefined` when it isn't there. */
export function fieldOf(json: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, name) =>
        typeof value === 'object' && value !== null && Object.hasOwn(value, name)
          ? Reflect.get(value, name)
          : undefined,
      json,
    );
}

/** Whether an answer fits one of the matches. */
export function fits(
  matches: AnswerMatch | readonly AnswerMatch[] | undefined,
  status: number,
  json: () => unknown,
): boolean {
  if (matches === undefined) return false;
  return listOf(matches).some(({ status: wanted, field, is }) => {
    if (wanted !== undefined && !listOf(wanted).includes(status)) return false;
    if (field === undefined) return true;
    const found = fieldOf(json(), field);
    return is === undefined ? found !== undefined : listOf(is).some((one) => one === found);
  });
}

const listOf = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

/** An id or a name of the shop as evidence may hold it: printable ASCII without spaces. */
export const plainName = (value: unknown): string =>
  (typeof value === 'string' || typeof value === 'number' ? encodeURI(String(value)) : '').slice(0, 2_000);

/** Such a name as the shop wrote it. */
export function shownName(plain: string): string {
  try {
    return decodeURI(plain);
  } catch {
    // It was cut off in the middle of a character.
    return plain;
  }
}
