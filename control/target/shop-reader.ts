/** Reads a shop that is not ours, as its adapter says: who owns what, how many are left, what became of a request. */
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { z } from 'zod';
import { FailureError } from '../../contract/failure.ts';
import { fieldOf, fits, plainName, type DeclaredTarget, type Target } from '../../contract/target.ts';
import { errorText } from '../../services/shared/error-text.ts';
import { parseJson } from '../../services/shared/parse-json.ts';
import { withLimit } from '../../services/shared/time-limit.ts';
import { requestLoopback } from '../lib/loopback.ts';

/** ms that the shop may take for one of these answers. */
const ANSWER_LIMIT_MS = 10_000;
/** The most entries of the list of owners. */
const MAX_OWNERS = 2_000_000;

/** A unit and who owns it; empty texts where the shop does not tell. */
export interface Owned {
  readonly buyer: string;
  readonly unit: string;
  readonly id: string;
}

const decidedSchema = z.enum(['granted', 'soldOut', 'refused', 'pending']);
export type Decided = z.infer<typeof decidedSchema>;

export interface ShopReader {
  owners(): Promise<Owned[]>;
  /** Units left; a number of units on sale where the adapter gives no more. */
  readonly stock: number | (() => Promise<number>);
  readonly outcome?: (of: { readonly id: string; readonly buyer: string }) => Promise<Decided>;
  readonly reset?: () => Promise<void>;
  /** Whether entries have the ids that answers have. */
  readonly hasIds: boolean;
  /** Whether an answer or an outcome says that the sale is sold out. */
  readonly tellsSoldOut: boolean;
}

const leftSchema = z.number().int().min(-10_000_000).max(10_000_000);
const rowsSchema = z.array(z.record(z.string(), z.unknown())).max(MAX_OWNERS);

export async function openReader({ use, url }: Target): Promise<ShopReader> {
  return 'declared' in use ? declaredReader(use.declared, url) : await moduleReader(use.module);
}

function declaredReader(
  { headers = {}, owners, stock, outcome, reset, answers }: DeclaredTarget,
  url: string,
): ShopReader {
  const ask = async (field: string, method: string, path: string) => {
    const answer = await requestLoopback(new URL(path, url).href, {
      method,
      headers: { 'user-agent': 'FlashGrid (load test)', ...headers },
      limitMs: ANSWER_LIMIT_MS,
    }).catch((error: unknown) => {
      throw unreadable(field, `${method} ${path} failed: ${errorText(error)}`);
    });
    return answer;
  };
  const get = async (field: string, path: string): Promise<unknown> => {
    const { status, text } = await ask(field, 'GET', path);
    const json = parseJson(text, z.unknown());
    if (status !== 200 || json === undefined)
      throw unreadable(field, `GET ${path} answered ${status}${json === undefined ? ' without JSON' : ''}`);
    return json;
  };
  return {
    owners: async () => {
      const { path, list, sql, postgres } = owners;
      const field = sql === undefined ? 'owners.path' : 'owners.sql';
      const found =
        path === undefined
          ? await query(postgres ?? '', sql ?? '')
          : await get(field, path).then((json) => (list === undefined ? json : fieldOf(json, list)));
      const rows = rowsSchema.safeParse(found);
      if (!rows.success)
        throw unreadable(
          field,
          list === undefined
            ? 'the answer is not a list of objects'
            : `the field "${list}" is not a list of objects`,
        );
      return rows.data.map((row) => owned(row, owners));
    },
    stock:
      typeof stock === 'number'
        ? stock
        : async () => {
            const left = leftSchema.safeParse(fieldOf(await get('stock.path', stock.path), stock.left));
            if (!left.success)
              throw unreadable('stock.left', `the field "${stock.left}" is not a whole number`);
            return left.data;
          },
    ...(outcome && {
      outcome: async ({ id, buyer }) => {
        const path = outcome.path
          .replaceAll('{id}', encodeURIComponent(id))
          .replaceAll('{buyer}', encodeURIComponent(buyer));
        const { status, text } = await ask('outcome.path', 'GET', path);
        const json = () => parseJson(text, z.unknown());
        return (
          (['granted', 'soldOut', 'refused'] as const).find((one) => fits(outcome[one], status, json)) ??
          'pending'
        );
      },
    }),
    ...(reset && {
      reset: async () => {
        const { status } = await ask('reset.path', reset.method, reset.path);
        if (status >= 400) throw unreadable('reset.path', `${reset.method} ${reset.path} answered ${status}`);
      },
    }),
    hasIds: owners.id !== undefined && answers.id !== undefined,
    tellsSoldOut: answers.soldOut !== undefined || outcome?.soldOut !== undefined,
  };
}

async function moduleReader(path: string): Promise<ShopReader> {
  const module: object = Object(await import(pathToFileURL(path).href));
  const of = (name: string): unknown => Reflect.get(module, name);
  const call = async (name: string, ...input: unknown[]): Promise<unknown> => {
    const found = of(name);
    if (typeof found !== 'function') return undefined;
    const work = Promise.resolve(Reflect.apply(found, undefined, input) as unknown);
    return await withLimit(work, ANSWER_LIMIT_MS, 'no answer').catch((error: unknown) => {
      throw unreadable(name, errorText(error));
    });
  };
  const read = async <T extends z.ZodType>(schema: T, what: string, name: string, ...input: unknown[]) => {
    const value = schema.safeParse(await call(name, ...input));
    if (!value.success) throw unreadable(name, `it gave no ${what}`);
    return value.data;
  };
  const { stock, outcome, reset } = { stock: of('stock'), outcome: of('outcome'), reset: of('reset') };
  return {
    owners: async () =>
      (await read(rowsSchema, 'list of objects', 'owners')).map((row) =>
        owned(row, { buyer: 'buyer', unit: 'unit', id: 'id' }),
      ),
    stock: typeof stock === 'number' ? stock : async () => await read(leftSchema, 'whole number', 'stock'),
    ...(outcome !== undefined && {
      outcome: async (request) =>
        await read(decidedSchema, `outcome (${decidedSchema.options.join(', ')})`, 'outcome', request),
    }),
    ...(reset !== undefined && { reset: async () => void (await call('reset')) }),
    hasIds: of('hasIds') === true,
    tellsSoldOut: true,
  };
}

function owned(
  row: Readonly<Record<string, unknown>>,
  {
    buyer,
    unit,
    id,
  }: { readonly buyer: string; readonly unit?: string | undefined; readonly id?: string | undefined },
): Owned {
  const of = (name: string | undefined) => (name === undefined ? '' : plainName(fieldOf(row, name)));
  const owner = of(buyer);
  if (owner === '')
    throw unreadable('owners.buyer', `an entry has no field "${buyer}" with a text or a number`);
  return { buyer: owner, unit: of(unit), id: of(id) };
}

/** Reads in a transaction that can't write, whatever the user may do. */
async function query(connectionString: string, sql: string): Promise<unknown> {
  const client = new pg.Client({
    connectionString,
    application_name: 'FlashGrid audit',
    connectionTimeoutMillis: ANSWER_LIMIT_MS,
    query_timeout: ANSWER_LIMIT_MS,
  });
  client.on('error', () => undefined); // A lost connection fails the query, which is reported.
  try {
    await client.connect();
    // Not as a start-up parameter, which PgBouncer would refuse.
    await client.query(`BEGIN READ ONLY; SET LOCAL statement_timeout = ${ANSWER_LIMIT_MS}`);
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return rows;
  } catch (error) {
    throw unreadable('owners.sql', errorText(error));
  } finally {
    await client.end().catch(() => undefined);
  }
}

function unreadable(field: string, what: string): FailureError {
  return new FailureError({
    code: 'target.notAnswering',
    field,
    message: `The shop could not be read (${field} of the adapter): ${what}.`,
    fix: 'Try that request by hand, then correct the shop or the field of the adapter. docs/any-shop.md has examples.',
  });
}
