/** The control centre's access to sales: the gateway's HTTP API, used like any other client uses it. */
import { z } from 'zod';
import {
  saleListSchema,
  saleViewSchema,
  type NewSale,
  type SaleChange,
  type SaleList,
  type SaleView,
} from '../../services/shared/sales.ts';
import { FailureError } from '../../contract/failure.ts';
import { requestLoopback, type LoopbackAnswer } from '../lib/loopback.ts';
import { parseJson } from '../../services/shared/parse-json.ts';

/** ms that one admin request may take. */
const REQUEST_LIMIT_MS = 15_000;
/**
 * ms that one of several gateways may take to answer /healthz: a frozen one accepts connections and never
 * answers.
 */
const PRESENCE_LIMIT_MS = 1_500;

const problemSchema = z.object({
  title: z.string().default('The gateway rejected it'),
  detail: z.string().default(''),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
});

export class GatewayClient {
  readonly #urls: () => readonly string[];
  readonly #token: () => string;
  readonly #presenceLimitMs: number;
  /** The gateway that answered last is asked first. */
  #lastGood: string | undefined;

  /** @param urls base URLs of the gateways that serve now */
  constructor(
    urls: () => readonly string[],
    token: () => string,
    presenceLimitMs: number = PRESENCE_LIMIT_MS,
  ) {
    this.#urls = urls;
    this.#presenceLimitMs = presenceLimitMs;
    this.#token = token;
  }

  /** The newest `limit` sales, and how many there are in all. */
  listSales(limit: number): Promise<SaleList> {
    return this.#request('GET', `/sales?limit=${limit}`, undefined, saleListSchema);
  }

  /** `undefined` when there is no such sale. */
  findSale(id: string): Promise<SaleView | undefined> {
    const path = `/sales/${encodeURIComponent(id)}`;
    return this.#request('GET', path, undefined, saleViewSchema, { ifMissing: undefined });
  }

  openSale(sale: NewSale): Promise<SaleView> {
    return this.#request('POST', '/sales', sale, saleViewSchema);
  }

  changeSale(id: string, change: SaleChange): Promise<SaleView> {
    return this.#request('PATCH', `/sales/${encodeURIComponent(id)}`, change, saleViewSchema);
  }

  /** Base URLs of the gateways that answer now. A single gateway is not asked. */
  async answering(): Promise<string[]> {
    const urls = this.#urls();
    if (urls.length < 2) return [...urls];
    const isThere = await Promise.all(urls.map((url) => this.#isThere(url)));
    return urls.filter((_, at) => isThere[at]);
  }

  /**
   * The gateway to ask. It must answer /healthz first: a request that timed out and was repeated at another
   * gateway would be carried out twice once the first one wakes.
   */
  async #pick(): Promise<string | undefined> {
    const urls = this.#urls();
    const [first] = urls;
    if (urls.length < 2) return first;
    const isLastGood = (url: string) => url === this.#lastGood;
    for (const url of [...urls].sort((a, b) => Number(isLastGood(b)) - Number(isLastGood(a))))
      if (await this.#isThere(url)) return (this.#lastGood = url);
    return first;
  }

  async #isThere(url: string): Promise<boolean> {
    try {
      const { status } = await requestLoopback(`${url}/healthz`, {
        method: 'GET',
        headers: {},
        limitMs: this.#presenceLimitMs,
      });
      return status === 200;
    } catch {
      // Frozen, gone or busy: the caller tries another one.
      return false;
    }
  }

  /**
   * @param missing what a 404 stands for; it is a failure by default
   * @throws FailureError with what the gateway said, or that none serves
   */
  async #request<Reply, Missing = never>(
    method: string,
    path: string,
    body: unknown,
    schema: z.ZodType<Reply>,
    missing?: { readonly ifMissing: Missing },
  ): Promise<Reply | Missing> {
    const base = await this.#pick();
    if (base === undefined) {
      throw new FailureError({
        code: 'gateway.notRunning',
        message: 'No gateway is running.',
        fix: 'Start the cluster first.',
      });
    }
    let answer: LoopbackAnswer;
    try {
      answer = await requestLoopback(base + path, {
        method,
        headers: {
          authorization: `Bearer ${this.#token()}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        limitMs: REQUEST_LIMIT_MS,
      });
    } catch (error) {
      throw new FailureError(
        {
          code: 'gateway.noAnswer',
          message: `The gateway did not answer ${method} ${path}.`,
          fix: 'Look at the logs of the gateway. One that has ended is restarted automatically.',
        },
        { cause: error },
      );
    }
    if (answer.status >= 200 && answer.status < 300) {
      const reply = parseJson(answer.text, schema);
      if (reply !== undefined) return reply;
      throw new FailureError({
        code: 'gateway.strangeAnswer',
        message: `The answer to ${method} ${path} does not come from a gateway of this FlashGrid.`,
        fix: 'Stop the cluster and start it again.',
      });
    }
    if (missing && answer.status === 404) return missing.ifMissing;
    const problem = parseJson(answer.text, problemSchema);
    const first = problem?.errors?.[0];
    throw new FailureError({
      code: 'gateway.rejected',
      message: problem
        ? [problem.title, problem.detail].filter(Boolean).join(': ')
        : `The gateway answered ${answer.status}.`,
      fix: first ? `${first.field}: ${first.message}` : 'Change the request and try again.',
      ...(first ? { field: first.field } : {}),
    });
  }
}
