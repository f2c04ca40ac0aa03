import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { SALE_ID_PATTERN } from '../shared/ids.ts';
import { RecordError } from '../shared/outcomes.ts';
import { ReplyError } from '../shared/records.ts';
import { describeTrouble } from '../shared/backend-trouble.ts';
import { newSaleSchema, saleChangeSchema, saleQuerySchema } from '../shared/sales.ts';
import { adminGuard } from './admin-guard.ts';
import type { Health } from './health.ts';
import { RESERVE_BODY_LIMIT_BYTES } from './http-app.ts';
import type { GatewayMetrics } from './metrics.ts';
import { openApiDocument } from './openapi.ts';
import { ProblemError, invalid, rejection } from './problems.ts';
import type { FieldError } from './problems.ts';
import type { ReservationLookup } from './reservation-lookup.ts';
import { HttpReply, type HandleReserve } from './reserve-reply.ts';
import type { SaleAdmin } from './sale-admin.ts';

export interface RouteParts {
  readonly adminToken: string;
  readonly handleReserve: HandleReserve;
  readonly lookup: ReservationLookup;
  readonly admin: SaleAdmin;
  readonly health: Health;
  readonly metrics: GatewayMetrics;
  readonly retryAfterSec: number;
  /** Logs the failure of a store behind a route. */
  readonly onStoreError: (what: string, error: unknown) => void;
}

/** Adds all routes to the app. */
export function addRoutes(app: FastifyInstance, parts: RouteParts): void {
  const { handleReserve, lookup, admin, health, metrics } = parts;

  app.post('/reserve', { bodyLimit: RESERVE_BODY_LIMIT_BYTES }, (request, reply) => {
    // What the fast path did not take. The handler answers on Node's response once the broker has confirmed.
    reply.hijack();
    const { 'idempotency-key': key, traceparent } = request.headers;
    handleReserve(request.body, key, new HttpReply(reply.raw), [traceparent ?? []].flat()[0]);
  });

  app.get<{ Params: { id: string } }>('/reservations/:id', (request) =>
    stored(`reservation ${request.params.id}`, () => lookup.find(request.params.id)),
  );

  app.get('/sales', (request) => {
    const query = parseInput(saleQuerySchema, request.query);
    return stored('the list of sales', () => admin.list(query));
  });

  app.get<{ Params: { id: string } }>('/sales/:id', async (request) => {
    const id = saleIdOf(request.params.id);
    const view = await stored(`sale ${id}`, () => admin.view(id));
    if (view === undefined) throw new ProblemError(rejection('unknown-sale', `There is no sale ${id}.`));
    return view;
  });

  const guard = adminGuard(parts.adminToken);
  // Before the body is read: without the token, nobody can make the gateway read one.
  const onRequest = (
    request: { headers: { authorization?: string | undefined } },
    _reply: unknown,
    done: (error?: Error) => void,
  ): void => {
    guard(request.headers.authorization);
    done();
  };

  app.post('/sales', { onRequest }, async (request, reply) => {
    const sale = parseInput(newSaleSchema, request.body);
    const view = await stored('creating a sale', () => admin.create(sale), 'write');
    return reply.code(201).header('location', `/sales/${view.id}`).send(view);
  });

  app.patch<{ Params: { id: string } }>('/sales/:id', { onRequest }, async (request) => {
    const id = saleIdOf(request.params.id);
    const change = parseInput(saleChangeSchema, request.body);
    return stored(`changing sale ${id}`, () => admin.change(id, change), 'write');
  });

  app.get('/healthz', () => ({ status: 'alive' }));

  app.get('/readyz', async (_request, reply) => {
    const report = await health.check();
    return reply.code(report.isReady ? 200 : 503).send(report);
  });

  app.get('/metrics', async (_request, reply) =>
    reply.header('content-type', metrics.registry.contentType).send(await metrics.registry.metrics()),
  );

  const document = openApiDocument();
  app.get('/openapi.json', () => document);

  /**
   * Runs what needs a store. A failure is logged and becomes a 503 that the client may try again. Once a store
   * is known to be gone, a read gets little time.
   */
  async function stored<Value>(
    what: string,
    run: () => Promise<Value>,
    kind: 'read' | 'write' = 'read',
  ): Promise<Value> {
    try {
      return await (kind === 'read' ? health.whileServing(run()) : run());
    } catch (error) {
      if (error instanceof ProblemError || isDefect(error)) throw error;
      parts.onStoreError(what, error);
      const sick = health.sickStore();
      const detail = sick
        ? `${describeTrouble(sick.part === 'redis' ? 'Redis' : 'Postgres', sick.health)} Send the request again later.`
        : 'Redis or Postgres did not answer; /readyz says which.';
      const later = { retryAfterSec: parts.retryAfterSec };
      throw new ProblemError(rejection('store-away', detail, { ...later, ...sick }), { cause: error });
    }
  }
}

/** Our own errors, which another try won't cure: answered 500. */
function isDefect(error: unknown): boolean {
  return (
    error instanceof TypeError ||
    error instanceof RangeError ||
    error instanceof z.ZodError ||
    error instanceof RecordError ||
    error instanceof ReplyError ||
    // By its name: the class would load Prisma's client.
    (error instanceof Error && error.name === 'PrismaClientValidationError')
  );
}

function saleIdOf(text: string): string {
  if (!SALE_ID_PATTERN.test(text))
    throw new ProblemError(invalid([{ field: 'id', message: 'is not a sale id' }]));
  return text;
}

/** @throws ProblemError that names every wrong field */
function parseInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new ProblemError(invalid(parsed.error.issues.flatMap(fieldErrors)));
}

function fieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      field: [path, key.slice(0, 64)].filter(Boolean).join('.'),
      message: 'is not a field here',
    }));
  return [{ field: path || 'body', message: issue.message }];
}
