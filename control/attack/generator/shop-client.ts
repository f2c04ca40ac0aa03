/** Talks to a shop that is not ours, as its adapter says: the bytes of a request, and what an answer means. */
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { errorText } from '../../../services/shared/error-text.ts';
import { FailureError } from '../../../contract/failure.ts';
import { fieldOf, fits, plainName, type DeclaredTarget, type Target } from '../../../contract/target.ts';
import type { Crowd } from '../protocol/crowd.ts';
import { USER_ID_LENGTH, userIdFor, writeUserId } from '../protocol/user-ids.ts';
import { noteOf } from '../protocol/shop-note.ts';
import type { RequestBytes } from './request-template.ts';

/** What an answer means. */
export interface ShopAnswer {
  /** Why it is not accepted; missing when it is. */
  readonly cause: string | undefined;
  /** Only the audit can tell what became of it. */
  readonly isUndecided: boolean;
  /** For the log: shop-note.ts. */
  readonly note: string;
}

export interface ShopClient {
  template(host: string, crowd: Pick<Crowd, 'seed' | 'buyer'>): RequestBytes;
  read(status: number, body: string): ShopAnswer;
}

const USER_AGENT = 'FlashGrid (load test)';

const toldSchema = z.enum(['accepted', 'refused', 'soldOut', 'error']);
const classifiedSchema = z.union([
  toldSchema.transform((told) => ({ told, id: undefined, unit: undefined })),
  z.object({ told: toldSchema, id: z.unknown().optional(), unit: z.unknown().optional() }),
]);
const requestSchema = z.object({
  method: z.string().regex(/^[A-Z]+$/),
  path: z.string().regex(/^\/[\x21-\x7e]*$/),
  headers: z.record(z.string().regex(/^[\w-]+$/), z.string().regex(/^[\x20-\x7e]*$/)).default({}),
  body: z.string().optional(),
});
type ShopRequest = z.infer<typeof requestSchema>;

/** @throws Error when the module of the adapter can't be loaded */
export async function openShop({ use }: Target): Promise<ShopClient> {
  if ('declared' in use) return declaredShop(use.declared);
  const module: unknown = await import(pathToFileURL(use.module).href);
  const call = (name: string, ...input: unknown[]): unknown => {
    const found: unknown = Reflect.get(Object(module), name);
    if (typeof found !== 'function') throw new Error(`there is no function "${name}"`);
    return Reflect.apply(found, undefined, input);
  };
  const read = <T extends z.ZodType>(schema: T, name: string, input: unknown): z.infer<T> => {
    try {
      const value = call(name, input);
      const parsed = schema.safeParse(value);
      if (parsed.success) return parsed.data;
      throw new Error(`it gave ${JSON.stringify(value)?.slice(0, 200)}`);
    } catch (error) {
      throw new FailureError(
        {
          code: 'target.moduleFailed',
          field: name,
          message: `The function ${name} of ${use.module} failed: ${errorText(error)}.`,
          fix: 'Correct that function. docs/any-shop.md and docs/examples/shop.mjs show what it gives.',
        },
        { cause: error },
      );
    }
  };
  return {
    template: (host, crowd) => ({
      copy: () => Buffer.alloc(0),
      fill: (_, index) => {
        const { seed } = crowd;
        const names = { buyer: userIdFor(seed, crowd.buyer(index)), request: userIdFor(seed, index) };
        return Buffer.from(bytesOf(host, read(requestSchema, 'request', names), (text) => text));
      },
    }),
    read: (status, body) => {
      const { told, id, unit } = read(classifiedSchema, 'classify', { status, body: utf8(body) });
      return answer(status, told, id, unit);
    },
  };
}

function declaredShop({ headers = {}, buy, answers }: DeclaredTarget): ShopClient {
  const isText = typeof buy.body === 'string';
  const body = buy.body === undefined || isText ? buy.body : JSON.stringify(buy.body);
  const type = body === undefined || isText ? {} : { 'content-type': 'application/json' };
  const request = {
    ...buy,
    headers: lowered({ ...type, ...lowered(headers), ...lowered(buy.headers) }),
    body,
  };
  return {
    template: (host, crowd) => new ShopTemplate(bytesOf(host, request as ShopRequest), crowd),
    read: (status, text) => {
      let parsed: { readonly json: unknown } | undefined;
      const json = () => (parsed ??= { json: jsonOf(text) }).json;
      const told = (['error', 'soldOut', 'refused', 'accepted'] as const).find((one) =>
        fits(answers[one], status, json),
      );
      const value = (path: string | undefined) => (path === undefined ? undefined : fieldOf(json(), path));
      return told === 'accepted'
        ? answer(status, told, value(answers.id), value(answers.unit))
        : answer(status, told ?? 'error');
    },
  };
}

function answer(status: number, told: z.infer<typeof toldSchema>, id?: unknown, unit?: unknown): ShopAnswer {
  const isAccepted = told === 'accepted';
  return {
    cause: isAccepted ? undefined : `${status} ${told === 'soldOut' ? 'sold-out' : told}`,
    isUndecided: told === 'error',
    note: isAccepted ? noteOf(plainName(id), plainName(unit)) : told,
  };
}

const lowered = (headers: Readonly<Record<string, string>> = {}) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** A body comes as a byte a character. */
const utf8 = (body: string) => Buffer.from(body, 'latin1').toString('utf8');

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(utf8(body));
  } catch {
    // Not JSON: it has no fields.
    return undefined;
  }
}

/** Blanks are as long as the ids that take their place, so that the length is right. */
const withBlanks = (text: string) =>
  text.replaceAll('{buyer}', BLANKS.buyer).replaceAll('{request}', BLANKS.request);

/** A whole request. */
function bytesOf(host: string, { method, path, headers, body = '' }: ShopRequest, fill = withBlanks): string {
  const filled = fill(body);
  const lines = [
    `${method} ${fill(path)} HTTP/1.1`,
    `Host: ${host}`,
    `User-Agent: ${USER_AGENT}`,
    'Connection: keep-alive',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${fill(value)}`),
    ...(filled === '' && method === 'GET' ? [] : [`Content-Length: ${Buffer.byteLength(filled)}`]),
  ];
  return `${lines.join('\r\n')}\r\n\r\n${filled}`;
}

/** Of characters that no request has. */
const BLANKS = { buyer: '\u0001'.repeat(USER_ID_LENGTH), request: '\u0002'.repeat(USER_ID_LENGTH) } as const;

/** A request in which only the ids change. */
class ShopTemplate implements RequestBytes {
  readonly #bytes: Buffer;
  readonly #buyerAt: readonly number[];
  readonly #requestAt: readonly number[];
  readonly #crowd: Pick<Crowd, 'seed' | 'buyer'>;

  constructor(text: string, crowd: Pick<Crowd, 'seed' | 'buyer'>) {
    this.#bytes = Buffer.from(text);
    const places = (blank: string) => {
      const found: number[] = [];
      for (let at = this.#bytes.indexOf(blank); at >= 0; at = this.#bytes.indexOf(blank, at + USER_ID_LENGTH))
        found.push(at);
      return found;
    };
    this.#buyerAt = places(BLANKS.buyer);
    this.#requestAt = places(BLANKS.request);
    this.#crowd = crowd;
  }

  copy(): Buffer {
    return Buffer.from(this.#bytes);
  }

  fill(buffer: Buffer, index: number): Buffer {
    const { seed } = this.#crowd;
    const buyer = this.#crowd.buyer(index);
    for (const at of this.#buyerAt) writeUserId(buffer, at, seed, buyer);
    for (const at of this.#requestAt) writeUserId(buffer, at, seed, index);
    return buffer;
  }
}
