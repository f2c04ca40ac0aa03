/**
 * The body of `POST /reserve`. It is checked by hand, because this is the hot path. `reserveRequestSchema` is
 * the same for the OpenAPI document, and a test compares the two.
 */
import { z } from 'zod';
import { IDEMPOTENCY_KEY_PATTERN, MAX_QUANTITY, SALE_ID_PATTERN, USER_ID_PATTERN } from '../shared/ids.ts';
import type { FieldError } from './problems.ts';

const SALE_ID_RULE = 'must be 1..32 of a-z, 0-9 and dashes, beginning and ending with a letter or digit';
const USER_ID_RULE = 'must be 1..64 of A-Z, a-z, 0-9 and . _ : @ + = ~ -';
const QUANTITY_RULE = `must be a whole number, 1..${MAX_QUANTITY}`;
export const KEY_RULE = 'must be 1..128 printable ASCII characters without spaces';

export const reserveRequestSchema = z.strictObject({
  saleId: z.string().regex(SALE_ID_PATTERN, SALE_ID_RULE).describe('The sale to buy from.'),
  userId: z.string().regex(USER_ID_PATTERN, USER_ID_RULE).describe('The buyer.'),
  quantity: z
    .number()
    .int()
    .min(1)
    .max(MAX_QUANTITY)
    .optional()
    .describe('Units wanted, 1 by default. All of them are granted, or none.'),
});

export const reserveReplySchema = z.object({
  reservationId: z.string(),
  status: z.literal('queued'),
});

export interface ReserveRequest {
  readonly saleId: string;
  readonly userId: string;
  readonly quantity: number;
}

/**
 * Checks a parsed body.
 * @returns the request, or every wrong field. An unknown field is wrong: a misspelt `quantity` must not buy one unit.
 */
export function checkReserveRequest(body: unknown): ReserveRequest | FieldError[] {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return [{ field: 'body', message: 'must be a JSON object with saleId and userId' }];
  let saleId: unknown;
  let userId: unknown;
  let quantity: unknown;
  let errors: FieldError[] | undefined;
  // One pass, without a look-up per expected field. The body comes from JSON.parse, so all its keys are its
  // own.
  for (const [key, value] of Object.entries(body)) {
    if (key === 'saleId') saleId = value;
    else if (key === 'userId') userId = value;
    else if (key === 'quantity') quantity = value;
    else (errors ??= []).push({ field: key.slice(0, 64), message: 'is not a field of a reservation' });
  }
  const isQuantitySound =
    quantity === undefined ||
    (typeof quantity === 'number' && Number.isInteger(quantity) && quantity >= 1 && quantity <= MAX_QUANTITY);
  if (
    errors === undefined &&
    typeof saleId === 'string' &&
    typeof userId === 'string' &&
    isQuantitySound &&
    SALE_ID_PATTERN.test(saleId) &&
    USER_ID_PATTERN.test(userId)
  )
    return { saleId, userId, quantity: typeof quantity === 'number' ? quantity : 1 };

  errors ??= [];
  pushIdError(errors, 'saleId', saleId, SALE_ID_PATTERN, SALE_ID_RULE);
  pushIdError(errors, 'userId', userId, USER_ID_PATTERN, USER_ID_RULE);
  if (!isQuantitySound) errors.push({ field: 'quantity', message: QUANTITY_RULE });
  return errors;
}

function pushIdError(
  errors: FieldError[],
  field: string,
  value: unknown,
  pattern: RegExp,
  rule: string,
): void {
  if (value === undefined) errors.push({ field, message: 'is missing' });
  else if (typeof value !== 'string') errors.push({ field, message: 'must be a text' });
  else if (!pattern.test(value)) errors.push({ field, message: rule });
}

/** Whether a header can be an Idempotency-Key. */
export function isIdempotencyKey(header: unknown): header is string {
  return typeof header === 'string' && IDEMPOTENCY_KEY_PATTERN.test(header);
}
