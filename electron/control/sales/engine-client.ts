/** The control centre's way into the engine: the gateway's own HTTP API, as any other client would use it. */
import { z } from 'zod';
import {
  saleViewSchema,
  type NewSale,
  type SaleChange,
  type SaleView,
} from '../../../services/shared/sales.ts';
import { FailureError } from '../cluster/cluster.ts';

/** ms that one admin request may take. */
const REQUEST_LIMIT_MS = 15_000;

const problemSchema = z.object({
  title: z.string().default('The gateway refused'),
  detail: z.string().default(''),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
});

export class EngineClient {
  readonly #urls: () => readonly string[];
  readonly #token: () => string;

  /** @param urls base URLs of the gateways that serve now */
  constructor(urls: () => readonly string[], token: () => string) {
    this.#urls = urls;
    this.#token = token;
  }

  async listSales(): Promise<SaleView[]> {
    const { sales } = await this.#request(
      'GET',
      '/sales',
      undefined,
      z.object({ sales: z.array(saleViewSchema) }),
    );
    return sales;
  }

  readSale(id: string): Promise<SaleView> {
    return this.#request('GET', `/sales/${encodeURIComponent(id)}`, undefined, saleViewSchema);
  }

  openSale(sale: NewSale): Promise<SaleView> {
    return this.#request('POST', '/sales', sale, saleViewSchema);
  }

  changeSale(id: string, change: SaleChange): Promise<SaleView> {
    return this.#request('PATCH', `/sales/${encodeURIComponent(id)}`, change, saleViewSchema);
  }

  /** @throws FailureError with what the gateway said, or that none serves */
  async #request<Reply>(
    method: string,
    path: string,
    body: unknown,
    schema: z.ZodType<Reply>,
  ): Promise<Reply> {
    const [base] = this.#urls();
    if (base === undefined) {
      throw new FailureError({
        code: 'engine.notRunning',
        message: 'No gateway is running.',
        fix: 'Start the cluster first.',
      });
    }
    let response: Response;
    try {
      response = await fetch(base + path, {
        method,
        headers: {
          authorization: `Bearer ${this.#token()}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
      });
    } catch (error) {
      throw new FailureError(
        {
          code: 'engine.noAnswer',
          message: `The gateway did not answer ${method} ${path}.`,
          fix: 'Look at the logs of the gateway; it is restarted by itself when it ended.',
        },
        { cause: error },
      );
    }
    const reply: unknown = await response.json();
    if (response.ok) return schema.parse(reply);
    const problem = problemSchema.safeParse(reply);
    const first = problem.data?.errors?.[0];
    throw new FailureError({
      code: `engine.http${response.status}`,
      message: problem.success
        ? [problem.data.title, problem.data.detail].filter(Boolean).join(': ')
        : `The gateway answered ${response.status}.`,
      fix: first ? `${first.field}: ${first.message}` : 'Change the request and try again.',
      ...(first ? { field: first.field } : {}),
    });
  }
}
