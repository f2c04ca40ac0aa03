/** The envelope: what travels between a frontend and the control centre. Both sides parse it with these. */
import { z } from 'zod';
import { failureSchema } from './failure.ts';

/** Characters of one message from a frontend; a larger one is rejected. */
export const MAX_REQUEST_BYTES = 256 * 1024;

/** Path of the WebSocket. */
export const SOCKET_PATH = '/ws';

export const requestSchema = z.strictObject({
  id: z.number().int().nonnegative(),
  command: z.string().max(64),
  input: z.unknown(),
});
export type Request = z.infer<typeof requestSchema>;

/** A command's answer: its value, or why it failed. */
export const resultSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({ ok: z.literal(false), error: failureSchema }),
]);
const replySchema = z.object({ id: z.number().int(), result: resultSchema });
export type Reply = z.infer<typeof replySchema>;

const eventMessageSchema = z.object({ event: z.string(), payload: z.unknown() });
export type EventMessage = z.infer<typeof eventMessageSchema>;

/** Whatever the control centre sends over a WebSocket. */
export const messageSchema = z.union([replySchema, eventMessageSchema]);
