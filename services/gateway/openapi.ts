/** The OpenAPI document, built from the schemas that the routes use. A test compares it with the routes that there are. */
import { z } from 'zod';
import { newSaleSchema, saleChangeSchema, saleViewSchema } from '../shared/sales.ts';
import { healthReportSchema } from './health.ts';
import { PROBLEM_KINDS } from './problems.ts';
import { reservationViewSchema } from './reservation-lookup.ts';
import { reserveReplySchema, reserveRequestSchema } from './reserve-request.ts';

const problemSchema = z.object({
  type: z.string().describe(`urn:flashgrid:problem: and one of ${Object.keys(PROBLEM_KINDS).join(', ')}`),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  errors: z
    .array(z.object({ field: z.string(), message: z.string() }))
    .optional()
    .describe('Of a 400: every field that is wrong.'),
  part: z
    .enum(['broker', 'redis', 'postgres'])
    .optional()
    .describe('Of a 503 because of a backend: which one.'),
  reason: z.string().optional().describe('What is wrong with it.'),
  since: z.string().optional().describe('Since when, as an ISO date.'),
  reservationId: z
    .string()
    .optional()
    .describe('Of `unconfirmed`: the id under which the reservation may yet be decided.'),
});

type Json = Record<string, unknown>;

/** The document that /openapi.json answers with. */
export function openApiDocument(): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'FlashGrid gateway',
      version: '1',
      description:
        'Takes reservations of a flash sale. A 202 means that the broker has stored the reservation durably; what became of it is told by GET /reservations/{id} and over Socket.IO (path /socket.io; emit `join` with `sale:<id>` or `reservation:<id>`).',
    },
    paths: {
      '/reserve': {
        post: {
          summary: 'Reserve units of a sale',
          parameters: [
            {
              name: 'Idempotency-Key',
              in: 'header',
              required: false,
              description:
                'Makes a reservation safe to repeat. 1..128 printable ASCII characters; take a new one, such as a UUID, for each reservation. A repeat with the same key and body gets the same reservationId, and is decided once. That holds for a granted reservation until the sale is reset, also when the sale is sold out or closed by then; for a refused one for 20 minutes, after which the key is decided anew. Within the sale a key stands for one userId and quantity: with others it is answered 422, or, when both were on their way at once, refused with `key_reused`. A reset frees all keys of the sale.',
              schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,128}$' },
            },
          ],
          requestBody: body('ReserveRequest'),
          responses: {
            202: json('ReserveReply', 'Stored durably, to be decided in order.'),
            ...problems({
              400: 'A field is missing, of the wrong type, not sound or unknown; or the quantity is over the sale’s limit for one buyer, so that it could never be granted.',
              404: 'There is no such sale.',
              409: 'The sale is closed; or it is sold out and set to reject then (mode `shed`).',
              408: 'The request did not come whole in time.',
              413: 'The body is larger than 16 KiB.',
              415: 'The body is not application/json.',
              421: 'The gateway is not served under this Host name (FLASHGRID_GATEWAY_HOSTS).',
              422: 'In this sale the Idempotency-Key was sent with another userId or quantity.',
              431: 'The head is larger than 16 KiB.',
              500: 'A defect of the gateway.',
            }),
            503: {
              ...problem(
                'Not accepted: too much waits for the broker, or it is away, blocked or refuses, or the sale can’t be looked up. Nothing was queued, except with the type `unconfirmed`: then it may have been, under the `reservationId` of the problem. Send that again only with its Idempotency-Key; without one ask GET /reservations/{id}, since a second request could buy twice. `Retry-After` is only given where a repeat is safe.',
              ),
              headers: retryAfter,
            },
          },
        },
      },
      '/reservations/{id}': {
        get: {
          summary: 'What became of a reservation',
          description:
            '`queued` until a worker has decided it. Outcomes are kept for 20 minutes, grants for as long as the sale is not reset. A reservation that another gateway accepted, and that was refused longer ago than that, reads `queued` too; this gateway’s own read 404. A keyed id that nobody ever sent reads `queued`: its Idempotency-Key may still be on its way. `key_reused` is the outcome of a reservation whose Idempotency-Key another userId or quantity had used before.',
          parameters: [idParameter('The id that POST /reserve gave.')],
          responses: {
            200: json('Reservation', 'Its state.'),
            ...problems({
              400: 'It is not a reservation id.',
              404: 'There is no such sale; or the gateway never sent a frame of this id; or its frame has no such place; or it was refused longer ago than refusals are kept.',
              500: 'A defect of the gateway.',
            }),
            503: unavailable,
          },
        },
      },
      '/sales': {
        get: {
          summary: 'All sales, newest first, at most 1,000',
          responses: { 200: json('SaleList', 'The sales.'), ...defect, 503: unavailable },
        },
        post: {
          summary: 'Create and open a sale',
          security: admin,
          requestBody: body('NewSale'),
          responses: {
            201: json('Sale', 'Open.'),
            ...problems({
              400: 'A field is wrong.',
              ...adminProblems,
              409: 'A sale of this id exists.',
              ...bodyProblems,
            }),
            503: unavailable,
          },
        },
      },
      '/sales/{id}': {
        get: {
          summary: 'A sale with its live figures',
          parameters: [idParameter('The sale.')],
          responses: {
            200: json('Sale', 'The sale.'),
            ...problems({ 400: 'It is not a sale id.', 404: 'There is no such sale.', 500: 'A defect.' }),
            503: unavailable,
          },
        },
        patch: {
          summary: 'Change or reset a sale',
          description:
            '`reset` deletes the sale’s tickets, raises its generation and refills its stock; reservations that were accepted before are refused with `sale_reset`.',
          security: admin,
          parameters: [idParameter('The sale.')],
          requestBody: body('SaleChange'),
          responses: {
            200: json('Sale', 'As it is now.'),
            ...problems({
              400: 'A field is wrong.',
              ...adminProblems,
              404: 'There is no such sale.',
              ...bodyProblems,
            }),
            503: unavailable,
          },
        },
      },
      '/healthz': {
        get: {
          summary: 'Whether the process lives',
          responses: { 200: { description: 'It does.', content: jsonContent({ type: 'object' }) } },
        },
      },
      '/readyz': {
        get: {
          summary: 'Whether it can do its work: whether each backend takes what is written to it',
          responses: {
            200: json(
              'Health',
              'All parts are up: a message was confirmed, a key written, a transaction committed.',
            ),
            503: json(
              'Health',
              'A part does not serve, with its state, the reason and since when; or the gateway stops.',
            ),
          },
        },
      },
      '/metrics': {
        get: {
          summary: 'Metrics for Prometheus',
          responses: {
            200: { description: 'Text format.', content: { 'text/plain': { schema: { type: 'string' } } } },
          },
        },
      },
      '/openapi.json': {
        get: {
          summary: 'This document',
          responses: { 200: { description: 'OpenAPI 3.1.', content: jsonContent({ type: 'object' }) } },
        },
      },
    },
    components: {
      securitySchemes: {
        admin: { type: 'http', scheme: 'bearer', description: 'FLASHGRID_ADMIN_TOKEN of the gateway.' },
      },
      schemas: {
        ReserveRequest: schemaOf(reserveRequestSchema, 'input'),
        ReserveReply: schemaOf(reserveReplySchema, 'output'),
        Reservation: schemaOf(reservationViewSchema, 'output'),
        NewSale: schemaOf(newSaleSchema, 'input'),
        SaleChange: schemaOf(saleChangeSchema, 'input'),
        Sale: schemaOf(saleViewSchema, 'output'),
        SaleList: {
          type: 'object',
          required: ['sales'],
          properties: { sales: { type: 'array', items: { $ref: '#/components/schemas/Sale' } } },
        },
        Health: schemaOf(healthReportSchema, 'output'),
        Problem: schemaOf(problemSchema, 'output'),
      },
    },
  };
}

const retryAfter = {
  'Retry-After': { description: 'Seconds until it is worth another try.', schema: { type: 'integer' } },
};
const admin = [{ admin: [] }];
const adminProblems = { 401: 'No bearer token.', 403: 'Not the admin token.' };
const bodyProblems = {
  413: 'The body is larger than 64 KiB.',
  415: 'The body is not application/json.',
  500: 'A defect of the gateway.',
};
const unavailable = { ...problem('Redis or Postgres does not answer.'), headers: retryAfter };
const defect = problems({ 500: 'A defect of the gateway.' });

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const json = z.toJSONSchema(schema, { io });
  // The document names its dialect once.
  delete json.$schema;
  return json;
}

function jsonContent(schema: Json): Json {
  return { 'application/json': { schema } };
}

function json(name: string, description: string): Json {
  return { description, content: jsonContent({ $ref: `#/components/schemas/${name}` }) };
}

function body(name: string): Json {
  return { required: true, content: jsonContent({ $ref: `#/components/schemas/${name}` }) };
}

function problem(description: string): Json {
  return {
    description,
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}

function problems(descriptions: Readonly<Record<number, string>>): Json {
  return Object.fromEntries(
    Object.entries(descriptions).map(([status, description]) => [status, problem(description)]),
  );
}

function idParameter(description: string): Json {
  return { name: 'id', in: 'path', required: true, description, schema: { type: 'string' } };
}
