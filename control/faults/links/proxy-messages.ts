/**
 * Messages between the control centre and the process of the proxy. The process says `ready`; it answers each
 * request with `done` or `failed` and the same `id`, and ends when its channel closes.
 */
import { z } from 'zod';
import { linkEffectSchema, linkFaultSchema, linkNameSchema } from '../../../contract/links.ts';

const port = z.number().int().min(1).max(65_535);
export const addressSchema = z.object({ host: z.string().min(1), port });
export type Address = z.infer<typeof addressSchema>;

const id = z.number().int();
const link = linkNameSchema;

export const proxyRequestSchema = z.discriminatedUnion('type', [
  /** One listener for each address; the answer has their ports in the same order. */
  z.object({ type: z.literal('open'), id, link, upstreams: z.array(addressSchema).min(1) }),
  /** Begins to count anew. */
  z.object({ type: z.literal('apply'), id, link, fault: linkFaultSchema }),
  z.object({ type: z.literal('heal'), id, link }),
  z.object({ type: z.literal('effect'), id, link }),
]);
export type ProxyRequest = z.infer<typeof proxyRequestSchema>;

export const proxyReplySchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('done'), id, effect: linkEffectSchema, ports: z.array(port) }),
  z.object({ type: z.literal('failed'), id, message: z.string() }),
]);
export type ProxyReply = z.infer<typeof proxyReplySchema>;
