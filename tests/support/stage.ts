/** A sale with a handful of buyers on real backends and services, for faults that come at an exact step. */
import type { Audit } from '../../contract/run-record.ts';
import { audit } from '../../control/audit/audit.ts';
import type { LoadLedger, RequestStatus } from '../../control/audit/ledger.ts';
import type { ServiceRole } from '../../contract/state.ts';
import { decodeOutcomeEvent, outcomeLines } from '../../services/shared/events.ts';
import { outcomeChannel } from '../../services/shared/keys.ts';
import { createRedis } from '../../services/shared/redis.ts';
import type { StopPoint } from '../../services/shared/stop-points.ts';
import { quoteIdentifier } from '../../services/shared/postgres.ts';
import { Fleet } from './fleet.ts';
import type { PrivateRedis } from './private-redis.ts';
import type { UnguardedBuild } from './unguarded-build.ts';
import { waitFor } from './worker-world.ts';

const STOCK = 5;
const BUYER_LIMIT = 1;
const NO_ANSWER = { httpStatus: 0, reservationId: undefined, answeredAtMs: Number.NaN };

interface SentRequest {
  readonly userId: string;
  readonly status: RequestStatus;
  readonly httpStatus: number;
  readonly reservationId: string | undefined;
  readonly sentAtMs: number;
  readonly answeredAtMs: number;
}

export class Stage {
  readonly saleId: string;
  readonly fleet: Fleet;
  readonly redis: PrivateRedis;
  readonly #sent: SentRequest[] = [];
  readonly #startedMs = performance.now();
  readonly #logStart: number;
  /** Services that were asked to die, or were killed. */
  #deaths = 0;
  #granted = 0;

  private constructor(fleet: Fleet, redis: PrivateRedis, saleId: string) {
    this.fleet = fleet;
    this.redis = redis;
    this.saleId = saleId;
    this.#logStart = fleet.log.length;
  }

  /** Opens a fleet of one gateway and one worker with one frame in hand. */
  static async fleet(
    redis: PrivateRedis,
    build?: UnguardedBuild,
    sql: readonly string[] = [],
  ): Promise<Fleet> {
    const fleet = await Fleet.open({
      gateways: 1,
      workers: 1,
      backends: { redisUrl: redis.url },
      env: { FLASHGRID_PREFETCH: '1', ...build?.env },
      ...(build ? { modules: build.modules } : {}),
    });
    for (const statement of sql)
      await fleet.pool.query(`SET search_path TO ${quoteIdentifier(fleet.namespace)}; ${statement}`);
    return fleet;
  }

  /**
   * Plays the steps on a sale of its own and audits it.
   * @param drainTimeoutMs what is lost is waited for until this is over
   */
  static async play(
    fleet: Fleet,
    redis: PrivateRedis,
    saleId: string,
    steps: (stage: Stage) => Promise<void>,
    drainTimeoutMs: number,
  ): Promise<Audit> {
    await fleet.supervisor.scale('worker', 1);
    await waitFor('all services', () => fleet.supervisor.states().every(({ state }) => state === 'running'));
    await fleet.openSale({ id: saleId, stock: STOCK, perBuyerLimit: BUYER_LIMIT });
    const stage = new Stage(fleet, redis, saleId);
    const subscriber = createRedis(redis.url, { role: 'subscriber', onError: () => undefined });
    try {
      subscriber.on('message', (_: string, text: string) => {
        for (const event of outcomeLines(text).map(decodeOutcomeEvent))
          if (event?.saleId === saleId && !event.record.endsWith('|')) stage.#granted++;
      });
      await subscriber.subscribe(outcomeChannel(fleet.namespace));
      await steps(stage);
      return await stage.#audit(drainTimeoutMs);
    } finally {
      subscriber.disconnect();
      fleet.supervisor.forgetStops();
    }
  }

  /** Sends a reservation and notes what came back; a gateway that is away is waited for. */
  async buy(userId: string, { key, isRepeat }: { key?: string; isRepeat?: boolean } = {}): Promise<void> {
    await waitFor('a gateway', () => this.fleet.supervisor.gatewayUrls().length > 0);
    const sentAtMs = performance.now() - this.#startedMs;
    const response = await this.#send('POST', '/reserve', { saleId: this.saleId, userId, quantity: 1 }, key);
    // The same reservation: its first request accounts for it.
    if (isRepeat === true) return;
    const { status = 0, body } = response ?? {};
    const isUnknown = response === undefined || body?.includes('unconfirmed') === true;
    this.#sent.push({
      userId,
      sentAtMs,
      ...(response === undefined
        ? NO_ANSWER
        : {
            httpStatus: status,
            reservationId: /"reservationId":"([^"]+)"/.exec(response.body)?.[1],
            answeredAtMs: performance.now() - this.#startedMs,
          }),
      status: isUnknown ? 'unknown' : status === 202 ? 'accepted' : 'rejected',
    });
  }

  async lookUp(userId: string): Promise<string | undefined> {
    return await this.#statusOf(this.#sent.find((one) => one.userId === userId)?.reservationId ?? '');
  }

  async #statusOf(id: string): Promise<string | undefined> {
    const response = await this.#send('GET', `/reservations/${encodeURIComponent(id)}`);
    return /"status":"(\w+)"/.exec(response?.body ?? '')?.[1];
  }

  stopAt(id: string, point: StopPoint, standMs?: number): void {
    if (standMs === undefined) this.#deaths++;
    this.fleet.supervisor.stopAt(id, point, 1, standMs);
  }

  forgetStops(): void {
    this.fleet.supervisor.forgetStops();
  }

  kill(id: string): void {
    this.#deaths++;
    this.fleet.supervisor.kill(id);
  }

  /**
   * Waits until services have died or stand still at a point, that many in all.
   * @returns the last of them
   */
  async reached(point: StopPoint, times = 1): Promise<string> {
    const lines = () =>
      this.fleet.log.slice(this.#logStart).filter((line) => line.includes(`as it was asked to, at ${point}`));
    await waitFor(`${point} to be reached`, () => lines().length >= times);
    return lines()[times - 1]?.split(' ')[0] ?? '';
  }

  /** Waits until each reservation of a buyer has an outcome, or a ticket, which proves one. */
  async decided(userId: string): Promise<void> {
    for (const { reservationId: id } of this.#sent.filter((request) => request.userId === userId))
      if (id !== undefined)
        await waitFor(`${id} to be decided`, async () => {
          const tickets = await this.fleet.tickets(this.saleId);
          return tickets.some((one) => one.reservation_id === id) || (await this.#statusOf(id)) !== 'queued';
        });
  }

  async scale(role: ServiceRole, count: number): Promise<void> {
    await this.fleet.supervisor.scale(role, count);
  }

  /** Waits until the buyer was told of a grant. */
  async told(userId: string): Promise<void> {
    await waitFor(`${userId} to be told`, () => this.#granted > 0);
  }

  async hasTicket(userId: string): Promise<boolean> {
    return (await this.fleet.tickets(this.saleId)).some((ticket) => ticket.user_id === userId);
  }

  /** Waits until the buyer has a ticket. */
  async ticket(userId: string): Promise<void> {
    await waitFor(`a ticket of ${userId}`, () => this.hasTicket(userId));
  }

  /** Keeps the sale's keys in Redis as they are; the function that it gives sets them back. */
  async saveRedis(): Promise<() => Promise<void>> {
    const { redis } = this.fleet;
    const pattern = `${this.fleet.namespace}:{${this.saleId}}:*`;
    const saved = await Promise.all(
      (await redis.keys(pattern)).map(async (key) => [key, await redis.dumpBuffer(key)] as const),
    );
    return async () => {
      const now = await redis.keys(pattern);
      const change = redis.multi();
      if (now.length > 0) change.del(...now);
      for (const [key, value] of saved) if (value) change.restore(key, 0, value);
      await change.exec();
    };
  }

  async #send(
    method: string,
    path: string,
    body?: object,
    key?: string,
  ): Promise<{ status: number; body: string } | undefined> {
    try {
      const response = await fetch(`${this.fleet.supervisor.gatewayUrls()[0]}${path}`, {
        method,
        signal: AbortSignal.timeout(10_000),
        headers: {
          ...(body ? { 'content-type': 'application/json' } : {}),
          ...(key === undefined ? {} : { 'idempotency-key': key }),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      return { status: response.status, body: await response.text() };
    } catch {
      // The gateway died with the request in hand: it is unknown what became of it.
      return undefined;
    }
  }

  async #audit(drainTimeoutMs: number): Promise<Audit> {
    await waitFor('all services', () => {
      const ended = this.fleet.log.slice(this.#logStart).filter((line) => line.includes('ended by SIGKILL'));
      return (
        ended.length >= this.#deaths &&
        this.fleet.supervisor.states().every(({ state }) => state === 'running')
      );
    });
    const sent = this.#sent;
    const at = (request: number): SentRequest => {
      const found = sent[request];
      if (!found) throw new RangeError(`request ${request} was not sent`);
      return found;
    };
    const ledger: LoadLedger = {
      count: sent.length,
      userId: (request) => at(request).userId,
      status: (request) => at(request).status,
      reservationId: (request) => at(request).reservationId,
      httpStatus: (request) => at(request).httpStatus,
      sentAtMs: (request) => at(request).sentAtMs,
      answeredAtMs: (request) => at(request).answeredAtMs,
    };
    return await audit({
      sale: { id: this.saleId, stock: STOCK, perBuyerLimit: BUYER_LIMIT },
      ledger,
      deployment: this.fleet.deployment,
      drainTimeoutMs,
      signal: new AbortController().signal,
    });
  }
}
