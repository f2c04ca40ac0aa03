/** The OpenAPI document, made from the routes' own schemas. A test compares it with the gateway's routes. */
import { z } from 'zod';
import {
  newSaleSchema,
  saleChangeSchema,
  saleListSchema,
  saleQuerySchema,
  saleViewSchema,
} from '../shared/sales.ts';
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
    .describe('Of a 503 caused by a backend: which one.'),
  reason: z.string().optional().describe('What is wrong with that backend.'),
  since: z.string().optional().describe('When that began, as an ISO date.'),
  reservationId: z
    .string()
    .optional()
    .describe('Of `unconfirmed`: the reservation may still be decided under this id.'),
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
        'Accepts reservations of a flash sale. A 202 means that RabbitMQ has stored the reservation durably. GET /reservations/{id} and Socket.IO (path /socket.io; emit `join` with `sale:<id>` or `reservation:<id>`) give its outcome.',
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
                'Makes a reservation safe to repeat. 1..128 printable ASCII characters; use a new one, such as a UUID, for each reservation. A repeat with the same key and body gets the same reservationId and is decided once. This holds for a granted reservation until the sale is reset, even when the sale is sold out or closed by then. It holds for a refused one for 20 minutes; after that the key is decided again. Within a sale, a key belongs to one userId and quantity. With others it is rejected with 422, or, when both were on their way at once, refused with `key_reused`. A reset frees all keys of the sale.',
              schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,128}$' },
            },
          ],
          requestBody: body('ReserveRequest'),
          responses: {
            202: json('ReserveReply', 'Accepted: stored durably and decided in order.'),
            ...problems({
              400: 'A field is missing, malformed or unknown; or the quantity is over the sale’s limit for one buyer and could never be granted.',
              404: 'There is no such sale.',
              409: 'The sale is closed; or it is sold out and in mode `shed`.',
              408: 'The request was not complete in time.',
              413: 'The body is larger than 16 KiB.',
              415: 'The body is not application/json.',
              421: 'The gateway does not serve this host name (FLASHGRID_GATEWAY_HOSTS).',
              422: 'In this sale the Idempotency-Key was sent with another userId or quantity.',
              431: 'The head is larger than 16 KiB.',
              500: 'A defect of the gateway.',
            }),
            503: {
              ...problem(
                'Not accepted: too many reservations wait for RabbitMQ; or it is away, blocked or refuses them; or the sale can’t be looked up. Nothing was queued, except with the type `unconfirmed`: then the reservation may be queued under the `reservationId` of the problem. Send it again only with its Idempotency-Key. Without a key, ask GET /reservations/{id}, because a second request could buy twice. `Retry-After` is only sent where a repeat is safe.',
              ),
              headers: retryAfter,
            },
          },
        },
      },
      '/reservations/{id}': {
        get: {
          summary: 'The outcome of a reservation',
          description:
            'The status is `queued` until a worker has decided it. Refusals are kept for 20 minutes, grants until the sale is reset. An expired refusal gives 404 if this gateway accepted the reservation, and `queued` if another one did. A keyed id that was never sent gives `queued`, because its request may still be on its way. The reason `key_reused` means that the Idempotency-Key was used before with another userId or quantity.',
          parameters: [idParameter('The id from POST /reserve.')],
          responses: {
            200: json('Reservation', 'Its state.'),
            ...problems({
              400: 'It is not a reservation id.',
              404: 'There is no such sale; or this gateway never sent such a frame; or the frame has no such place; or the refusal has expired.',
              500: 'A defect of the gateway.',
            }),
            503: unavailable,
          },
        },
      },
      '/sales': {
        get: {
          summary: 'Sales, newest first, a page at a time',
          parameters: queryParameters(saleQuerySchema),
          responses: {
            200: json('SaleList', 'A page, and how many sales there are in all.'),
            ...problems({
              400: 'A parameter is wrong, or there is no sale `after`.',
              500: 'A defect of the gateway.',
            }),
            503: unavailable,
          },
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
          summary: 'A sale with its counters',
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
            '`reset` deletes the sale’s tickets, raises its generation and refills its stock. Reservations that were accepted before and are not decided yet are refused with `sale_reset`.',
          security: admin,
          parameters: [idParameter('The sale.')],
          requestBody: body('SaleChange'),
          responses: {
            200: json('Sale', 'The changed sale.'),
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
          summary: 'Whether the process answers',
          responses: { 200: { description: 'It answers.', content: jsonContent({ type: 'object' }) } },
        },
      },
      '/readyz': {
        get: {
          summary: 'Whether the gateway can work: whether each backend takes writes',
          responses: {
            200: json(
              'Health',
              'All backends take writes: a message was confirmed, a key written, a transaction committed.',
            ),
            503: json(
              'Health',
              'A backend does not serve, with its state, the reason and since when; or the gateway is stopping.',
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
        SaleList: schemaOf(saleListSchema, 'output'),
        Health: schemaOf(healthReportSchema, 'output'),
        Problem: schemaOf(problemSchema, 'output'),
      },
    },
  };
}

const retryAfter = {
  'Retry-After': { description: 'Seconds to wait before the next try.', schema: { type: 'integer' } },
};
const admin = [{ admin: [] }];
const adminProblems = { 401: 'No bearer token.', 403: 'Not the admin token.' };
const bodyProblems = {
  413: 'The body is larger than 64 KiB.',
  415: 'The body is not application/json.',
  500: 'A defect of the gateway.',
};
const unavailable = { ...problem('Redis or Postgres does not answer.'), headers: retryAfter };

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const json = z.toJSONSchema(schema, { io });
  // The document itself names the dialect.
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

/** A parameter for each field of a query, all of which may be left out. */
function queryParameters(schema: z.ZodObject): Json[] {
  return Object.entries(schema.shape).map(([name, field]) => ({
    name,
    in: 'query',
    required: false,
    description: field.description,
    schema: schemaOf(field, 'output'),
  }));
}

function idParameter(description: string): Json {
  return { name: 'id', in: 'path', required: true, description, schema: { type: 'string' } };
}
