/** What travels between a face and the control centre over a WebSocket. JSON, parsed with these on both sides. */
import { z } from 'zod';
import { failureSchema } from './failure.ts';

/** Characters of one message from a face; a larger one is refused. */
export const MAX_REQUEST_BYTES = 256 * 1024;
/** Path of the WebSocket. */
export const SOCKET_PATH = '/ws';

export const requestSchema = z.strictObject({
  id: z.number().int().nonnegative(),
  command: z.string().max(64),
  input: z.unknown(),
});

export const replySchema = z.union([
  z.object({
    id: z.number().int(),
    result: z.union([
      z.object({ ok: z.literal(true), value: z.unknown() }),
      z.object({ ok: z.literal(false), error: failureSchema }),
    ]),
  }),
  z.object({ event: z.string(), payload: z.unknown() }),
]);
