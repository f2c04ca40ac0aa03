/** Breaks a link of a fleet for a while, and finds out how long service takes to come back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { LinkEffect, LinkFault, LinkName } from '../../contract/links.ts';
import type { Fleet } from './fleet.ts';

/** ms after which service that has not come back never does. */
const BACK_LIMIT_MS = 30_000;
/** ms that one request of the probe may take. */
const ASK_LIMIT_MS = 8_000;

const acceptedSchema = z.object({ reservationId: z.string() });
const viewSchema = z.object({ status: z.string() });

export interface Break {
  readonly link: LinkName;
  readonly fault: LinkFault;
  readonly effect: LinkEffect;
  /** ms from the healing until a new reservation was accepted by each gateway and decided. */
  readonly backMs: number;
  /** The slowest answer of a buyer once the part was known to be away, in ms. */
  readonly slowestMs: number;
}

let buyers = 0;

/** One reservation of a new buyer on one gateway. */
export function reserveOn(gateway: string, saleId: string): Promise<Response> {
  return fetch(`${gateway}/reserve`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ saleId, userId: `probe-${++buyers}` }),
    signal: AbortSignal.timeout(ASK_LIMIT_MS),
  });
}

/** The reservation's id when it is accepted. */
async function reserve(gateway: string, saleId: string): Promise<string | undefined> {
  const response = await reserveOn(gateway, saleId);
  const body: unknown = await response.json();
  return response.status === 202 ? acceptedSchema.parse(body).reservationId : undefined;
}

/** Resolves once a gateway accepts a reservation that is decided. */
async function whenServed(gateway: string, saleId: string): Promise<void> {
  const deadlineMs = performance.now() + BACK_LIMIT_MS;
  let id: string | undefined;
  let last = '';
  while (performance.now() < deadlineMs) {
    try {
      id ??= await reserve(gateway, saleId);
      if (id !== undefined) {
        const response = await fetch(`${gateway}/reservations/${id}`, {
          signal: AbortSignal.timeout(ASK_LIMIT_MS),
        });
        last = await response.text();
        const { status } = viewSchema.parse(JSON.parse(last));
        if (status === 'granted' || status === 'refused') return;
      }
    } catch (error) {
      // Not back yet: the next turn asks again.
      last = `${String(error)} ${last}`.slice(0, 400);
    }
    await sleep(20);
  }
  throw new Error(`${gateway} did not serve again within ${BACK_LIMIT_MS} ms: ${id} ${last}`);
}

/** Applies a fault for `lengthMs`, heals it, and waits until every gateway serves again. `saleId` is a sale of the probe's own. */
export async function breakLink(
  fleet: Fleet,
  saleId: string,
  link: LinkName,
  fault: LinkFault,
  lengthMs: number,
): Promise<Break> {
  const gateways = fleet.supervisor.gatewayUrls();
  const broken = fleet.links.link(link);
  await broken.apply(fault);
  const untilMs = performance.now() + lengthMs;
  const knownMs = performance.now() + 800;
  let slowestMs = 0;
  await Promise.all(
    gateways.map(async (gateway) => {
      while (performance.now() < untilMs) {
        const beganMs = performance.now();
        await reserve(gateway, saleId).catch(() => undefined);
        if (beganMs > knownMs) slowestMs = Math.max(slowestMs, performance.now() - beganMs);
        await sleep(20);
      }
    }),
  );
  const effect = await broken.heal();
  const healedMs = performance.now();
  await Promise.all(gateways.map((gateway) => whenServed(gateway, saleId))).catch((error: unknown) => {
    throw new Error(`${link} ${JSON.stringify(fault)} ${fleet.log.slice(-20).join('\n')}`, { cause: error });
  });
  return {
    link,
    fault,
    effect,
    backMs: Math.round(performance.now() - healedMs),
    slowestMs: Math.round(slowestMs),
  };
}
