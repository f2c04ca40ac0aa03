/** Schemas of a sale: in the API, in Redis and on pub/sub. */
import { z } from 'zod';
import './plain-issues.ts';
import { MAX_QUANTITY, MAX_STOCK, SALE_ID_PATTERN } from './ids.ts';

export const saleModeSchema = z.enum(['queue', 'shed']);
export const saleStatusSchema = z.enum(['open', 'closed']);
export type SaleStatus = z.infer<typeof saleStatusSchema>;

const title = z
  .string()
  .min(1)
  .max(120)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must have no control characters');
const stock = z.number().int().min(1).max(MAX_STOCK);
const perBuyerLimit = z.number().int().min(1).max(MAX_QUANTITY);

/** `POST /sales`. */
export const newSaleSchema = z.strictObject({
  id: z
    .string()
    .regex(
      SALE_ID_PATTERN,
      'must be 1..32 of a-z, 0-9 and dashes, beginning and ending with a letter or digit',
    )
    .optional(),
  title: title.optional(),
  stock,
  perBuyerLimit: perBuyerLimit.default(1),
  mode: saleModeSchema.default('queue'),
});
export type NewSale = z.infer<typeof newSaleSchema>;

/** `PATCH /sales/:id`. Only `reset` may change the stock, because tickets refer to it. */
export const saleChangeSchema = z
  .strictObject({
    title: title.optional(),
    perBuyerLimit: perBuyerLimit.optional(),
    mode: saleModeSchema.optional(),
    status: saleStatusSchema.optional(),
    /** Deletes the sale's tickets, raises its generation and refills its stock. */
    reset: z.strictObject({ stock: stock.optional() }).optional(),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), 'must change something');
export type SaleChange = z.infer<typeof saleChangeSchema>;

/** What a gateway must know of a sale before it accepts a reservation. */
export const saleFactsSchema = z.object({
  id: z.string(),
  title: z.string(),
  stock: z.number().int(),
  perBuyerLimit: z.number().int(),
  mode: saleModeSchema,
  status: saleStatusSchema,
  generation: z.number().int(),
  isSoldOut: z.boolean(),
});
export type SaleFacts = z.infer<typeof saleFactsSchema>;

/**
 * Counters of a sale since it was opened or reset. They count reservations, except `remaining` and
 * `grantedUnits`. `remaining + grantedUnits === stock` always holds in Redis.
 */
export const saleCountersSchema = z.object({
  remaining: z.number().int(),
  decided: z.number().int(),
  granted: z.number().int(),
  grantedUnits: z.number().int(),
  refused: z.object({
    sold_out: z.number().int(),
    buyer_limit: z.number().int(),
    insufficient: z.number().int(),
    sale_closed: z.number().int(),
    sale_reset: z.number().int(),
    key_reused: z.number().int(),
  }),
});
export type SaleCounters = z.infer<typeof saleCountersSchema>;

/** A sale with its counters, as `GET /sales/:id` answers. */
export const saleViewSchema = saleFactsSchema.extend({ counters: saleCountersSchema });
export type SaleView = z.infer<typeof saleViewSchema>;

/** The query of `GET /sales`. */
export const saleQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1_000).default(100).describe('Most sales in the answer.'),
  after: z
    .string()
    .regex(SALE_ID_PATTERN, 'is not a sale id')
    .optional()
    .describe('The last sale of the page before: the answer begins behind it.'),
});
export type SaleQuery = z.infer<typeof saleQuerySchema>;

/** What `GET /sales` answers: sales, newest first, and how many there are in all. */
export const saleListSchema = z.object({
  sales: z.array(saleViewSchema),
  total: z.number().int().nonnegative(),
});
export type SaleList = z.infer<typeof saleListSchema>;
