/** The links between two parts, and what can be done to them. */
import { z } from 'zod';
import { BACKEND_TITLES, type BackendRole } from './backends.ts';

interface LinkEnds {
  /** Whose connections go through the proxy. */
  readonly from: 'buyers' | 'gateway' | 'worker';
  readonly to: 'gateway' | BackendRole;
  readonly title: string;
}

const toBackend = <From extends 'gateway' | 'worker', To extends BackendRole>(from: From, to: To) => ({
  from,
  to,
  title: `${from} to ${BACKEND_TITLES[to]}`,
});

/** Named after its two ends. The first end sends requests, the second one answers. */
export const LINKS = {
  'buyers-gateway': { from: 'buyers', to: 'gateway', title: 'buyers to gateway' },
  'gateway-rabbitmq': toBackend('gateway', 'rabbitmq'),
  'gateway-redis': toBackend('gateway', 'redis'),
  'gateway-postgres': toBackend('gateway', 'postgres'),
  'worker-rabbitmq': toBackend('worker', 'rabbitmq'),
  'worker-redis': toBackend('worker', 'redis'),
  'worker-postgres': toBackend('worker', 'postgres'),
} as const satisfies Readonly<Record<string, LinkEnds>>;
export type LinkName = keyof typeof LINKS;
export const LINK_NAMES = Object.keys(LINKS) as [LinkName, ...LinkName[]];
export const linkNameSchema = z.enum(LINK_NAMES);

const ms = (max: number) => z.number().int().min(0).max(max);

/** What happens to the bytes of a link, from the moment it is applied until it is healed. */
export const linkFaultSchema = z.discriminatedUnion('kind', [
  /** Each piece arrives later, both ways; `jitterMs` more at random. Order is kept, as TCP does. */
  z.object({ kind: z.literal('delay'), ms: ms(60_000), jitterMs: ms(60_000).default(0) }),
  /** All connections of the link share this rate, each way by itself. */
  z.object({ kind: z.literal('throttle'), bytesPerSec: z.number().int().min(100).max(1e9) }),
  /** Ends every connection, and each new one at once. */
  z.object({ kind: z.literal('cut') }),
  /** Resets (RST) every connection, and each new one at its first answer: its request has arrived by then. */
  z.object({ kind: z.literal('reset') }),
  /**
   * Swallows one direction, or both, and keeps both sockets open. A connection with a hole in its bytes stays
   * silent for good, as after a firewall that has forgotten it; a healed link serves the others and new ones.
   */
  z.object({ kind: z.literal('halfOpen'), direction: z.enum(['requests', 'answers', 'both']) }),
]);
export type LinkFault = z.infer<typeof linkFaultSchema>;
export type HalfOpenDirection = Extract<LinkFault, { kind: 'halfOpen' }>['direction'];

const count = z.number().nonnegative();
/** What a link has seen since the last fault was applied to it. */
export const linkEffectSchema = z.object({
  /** Connections that were opened through it. */
  connections: count,
  forwardedBytes: count,
  /** Bytes that waited for a delay or a throttle. */
  heldBytes: count,
  /** Bytes that a half-open link swallowed, or that a reset or cut connection had not delivered. */
  droppedBytes: count,
  /** Connections that a cut ended. */
  cut: count,
  /** Connections that were reset. */
  reset: count,
  /** New connections that a cut turned away. */
  refused: count,
  /** The longest time for which a piece was held, in ms. */
  longestHoldMs: count,
});
export type LinkEffect = z.infer<typeof linkEffectSchema>;

/** Whether the figures since a fault show that it hit anything. */
export function tookEffect({ kind }: LinkFault, effect: LinkEffect): boolean {
  if (kind === 'cut') return effect.cut + effect.refused > 0;
  if (kind === 'reset') return effect.reset > 0;
  if (kind === 'halfOpen') return effect.droppedBytes > 0;
  return effect.heldBytes > 0;
}
