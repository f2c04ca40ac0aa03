/**
 * Live updates over Socket.IO. A client emits `join` with `sale:<id>` or `reservation:<id>`, and then
 * receives `sale` (at most ten times a second, when something changed) or `outcome` (once).
 *
 * The workers' messages only mark which sale changed. The counters come from one read of Redis for each sale
 * and tick. So a dashboard is exact even after lost messages, and costs the same at any rate.
 */
import { ServerResponse, type IncomingMessage, type Server as HttpServer } from 'node:http';
import type { Socket as NetSocket } from 'node:net';
import { Server } from 'socket.io';
import type { Socket } from 'socket.io';
import { decodeOutcomeEvent, outcomeLines } from '../shared/events.ts';
import { SALE_ID_PATTERN, parseReservationId } from '../shared/ids.ts';
import type { ReservationRef } from '../shared/ids.ts';
import { outcomeAt } from '../shared/outcomes.ts';
import type { Outcome } from '../shared/outcomes.ts';
import type { SaleView } from '../shared/sales.ts';
import { guardUpgrades, type LivePeers } from './live-peers.ts';
import type { ReservationLookup, ReservationView } from './reservation-lookup.ts';
import { viewOf } from './reservation-lookup.ts';
import { isAllowedOrigin, isLoopbackOrigin, type HostCheck } from '../shared/host-check.ts';
import { LIVE_PATH } from './http-app.ts';
import { RateMeter } from './rate-meter.ts';

/** ms between two `sale` events. */
export const SALE_EVENT_INTERVAL_MS = 100;
/** Rooms that one socket may be in. */
export const MAX_ROOMS_PER_SOCKET = 200;
/** Joins that a socket may emit at once, and more each second. */
const JOIN_BURST = 2 * MAX_ROOMS_PER_SOCKET;
const JOINS_PER_SEC = 50;
/**
 * Sales that may be looked up for joins at once: half of the cache's limit, so that reservations have the
 * other half.
 */
const MAX_LOOKUPS = 32;
/** Messages that may wait for a client to read. Past it, the client is disconnected. */
const MAX_UNSENT_MESSAGES = 2_000;
/** Ticks between two checks for such clients. */
const SLOW_CLIENT_TICKS = 10;
/**
 * ms in which a new session must connect. A polling client holds no connection whose end would be noticed.
 */
const CONNECT_TIMEOUT_MS = 10_000;
/** Keyed reservations of one sale that are looked up in one tick. */
const MAX_KEYED_READS = 500;
const MAX_MESSAGE_BYTES = 16 * 1024;

export interface SaleEvent {
  readonly saleId: string;
  readonly atMs: number;
  readonly stock: number;
  readonly remaining: number;
  readonly decided: number;
  readonly granted: number;
  readonly grantedUnits: number;
  readonly refused: SaleView['counters']['refused'];
  readonly isSoldOut: boolean;
  readonly status: SaleView['status'];
  readonly generation: number;
  /** Reservations that this gateway accepted, per second, over the last second. */
  readonly acceptedPerSec: number;
  /** Reservations that all workers decided, per second, over the last second. */
  readonly decidedPerSec: number;
}

export type JoinReply = { readonly ok: true } | { readonly ok: false; readonly detail: string };

interface ServerEvents {
  sale: (event: SaleEvent) => void;
  outcome: (view: ReservationView) => void;
}
interface ClientEvents {
  join: (room: unknown, reply?: unknown) => void;
  leave: (room: unknown, reply?: unknown) => void;
}
type LiveSocket = Socket<ClientEvents, ServerEvents>;

export interface LiveUpdatesOptions {
  readonly server: HttpServer;
  readonly peers: LivePeers;
  /** Clients that may be connected at once. */
  readonly maxClients: number;
  /** Which Host headers are served, by default all. */
  readonly isHostAllowed?: HostCheck | undefined;
  /** Whether a sale is cached. */
  readonly knowsSale: (saleId: string) => boolean;
  /** The sale, if it exists. Rejects when no store can answer. */
  readonly findSale: (saleId: string) => Promise<unknown>;
  readonly readSale: (saleId: string) => Promise<SaleView | undefined>;
  readonly lookup: ReservationLookup;
  /** Reservations of a sale that this gateway has accepted so far. */
  readonly acceptedOf: (saleId: string) => number;
  readonly onError: (what: string, error: unknown) => void;
}

interface WatchedSale {
  isDirty: boolean;
  isReading: boolean;
  lastAccepted: number;
  readonly accepted: RateMeter;
  readonly decided: RateMeter;
}

export class LiveUpdates {
  readonly #options: LiveUpdatesOptions;
  readonly #io: Server<ClientEvents, ServerEvents>;
  /** Sales whose room is not empty. */
  readonly #sales = new Map<string, WatchedSale>();
  /** Frame id → its reservations that clients wait for. */
  readonly #frames = new Map<string, Set<string>>();
  /** Sale id → its keyed reservations that clients wait for. Their ids don't name a frame. */
  readonly #keyed = new Map<string, Set<string>>();
  /** Sales among them with outcomes since the last tick. */
  readonly #keyedDirty = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #ticks = 0;
  #lookups = 0;

  constructor(options: LiveUpdatesOptions) {
    const { server, peers } = options;
    this.#options = options;
    guardUpgrades(server);
    this.#io = new Server<ClientEvents, ServerEvents>(server, {
      path: LIVE_PATH,
      // Upgrades to other protocols are served in plain HTTP (http-app.ts).
      destroyUpgrade: false,
      serveClient: false,
      maxHttpBufferSize: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      connectTimeout: CONNECT_TIMEOUT_MS,
      cors: { origin: (origin, answer) => answer(null, origin !== undefined && isLoopbackOrigin(origin)) },
      // CORS does not apply to WebSockets: a page of any origin may open one unless it is rejected here.
      allowRequest: (request, answer) => answer(null, this.#mayConnect(request)),
    });
    const { engine } = this.#io;
    engine.generateId = () => peers.sessionId();
    engine.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
      const owner = peers.ownerOf(request);
      if (owner === undefined) next();
      // The listener below passes upgrades on: it has the socket.
      else if (response instanceof ServerResponse) void peers.pass(owner, request, response);
    });
    server.on('upgrade', (request, socket: NetSocket, head) => {
      const owner = peers.ownerOf(request);
      if (owner !== undefined) void peers.tunnel(owner, request, socket, head);
    });
    this.#io.on('connection', (socket) => this.#welcome(socket));
    const rooms = this.#io.of('/').adapter;
    rooms.on('delete-room', (room: string) => this.#release(room));
    this.#timer = setInterval(() => this.#tick(), SALE_EVENT_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Clients connected now. */
  get clientCount(): number {
    return this.#io.engine.clientsCount;
  }

  /** Handles a message of the outcome channel. */
  onOutcome(message: string): void {
    if (this.#sales.size === 0 && this.#frames.size === 0 && this.#keyed.size === 0) return;
    for (const line of outcomeLines(message)) this.#handleOutcome(line);
  }

  #handleOutcome(text: string): void {
    const saleEnd = text.indexOf(' ');
    const saleId = text.slice(0, saleEnd);
    this.touch(saleId);
    if (this.#keyed.has(saleId)) this.#keyedDirty.add(saleId);
    if (this.#frames.size === 0) return;
    const watched = this.#frames.get(text.slice(saleEnd + 1, text.indexOf(' ', saleEnd + 1)));
    if (watched === undefined) return;
    const event = decodeOutcomeEvent(text);
    if (event === undefined) return;
    for (const id of [...watched]) {
      const ref = parseReservationId(id);
      if (ref?.kind !== 'framed' || ref.saleId !== event.saleId) continue;
      if (ref.index < event.count) this.#emit(id, outcomeAt(event.record, ref.index));
    }
  }

  /** Marks a sale as changed, so that its room gets an event at the next tick. */
  touch(saleId: string): void {
    const sale = this.#sales.get(saleId);
    if (sale !== undefined) sale.isDirty = true;
  }

  /** Reads what may have been missed while the subscription was lost. */
  catchUp(): void {
    for (const sale of this.#sales.values()) sale.isDirty = true;
    for (const saleId of this.#keyed.keys()) this.#keyedDirty.add(saleId);
    const framed = [...this.#frames.values()].flatMap((ids) => [...ids]);
    void this.#readOutcomes(framed);
  }

  /**
   * Closes the connections of all clients. The HTTP server stays open. Not `disconnectSockets`, which asks clients to stay away:
   * socket.io-client would not connect again by itself, and its buyer would never hear from the gateways that are left.
   */
  close(): void {
    clearInterval(this.#timer);
    this.#io.engine.close();
  }

  #mayConnect(request: IncomingMessage): boolean {
    const { isHostAllowed, maxClients } = this.#options;
    return (
      isHostAllowed?.(request.headers.host) !== false &&
      isAllowedOrigin(request) &&
      this.clientCount < maxClients
    );
  }

  #welcome(socket: LiveSocket): void {
    let joinsLeft = JOIN_BURST;
    let countedMs = performance.now();
    socket.on('join', (room, reply) => {
      const nowMs = performance.now();
      joinsLeft = Math.min(JOIN_BURST, joinsLeft + ((nowMs - countedMs) * JOINS_PER_SEC) / 1_000);
      countedMs = nowMs;
      if (joinsLeft < 1) {
        if (isReply(reply)) reply({ ok: false, detail: 'Too many joins; join again in a second.' });
        return;
      }
      joinsLeft--;
      void this.#join(socket, room).then((answer) => isReply(reply) && reply(answer));
    });
    socket.on('leave', (room, reply) => {
      if (typeof room === 'string' && room.includes(':')) void socket.leave(room);
      if (isReply(reply)) reply({ ok: true });
    });
  }

  async #join(socket: LiveSocket, room: unknown): Promise<JoinReply> {
    const target = parseRoom(room);
    if (target === undefined)
      return { ok: false, detail: 'A room is sale:<sale id> or reservation:<reservation id>.' };
    const saleId = target.kind === 'sale' ? target.saleId : target.ref.saleId;
    try {
      if (this.#options.knowsSale(saleId)) return await this.#enter(socket, target);
      if (this.#lookups >= MAX_LOOKUPS)
        return { ok: false, detail: 'The gateway looks up too many sales at once; join again.' };
      this.#lookups++;
      try {
        if ((await this.#options.findSale(saleId)) === undefined)
          return { ok: false, detail: `There is no sale ${saleId}.` };
      } finally {
        this.#lookups--;
      }
      return await this.#enter(socket, target);
    } catch (error) {
      this.#options.onError(`joining ${target.room}`, error);
      void socket.leave(target.room);
      return { ok: false, detail: "Redis or Postgres can't look it up now; join again." };
    }
  }

  async #enter(socket: LiveSocket, target: Room): Promise<JoinReply> {
    // `>`, because the socket's own id is a room, too.
    if (!socket.rooms.has(target.room) && socket.rooms.size > MAX_ROOMS_PER_SOCKET)
      return { ok: false, detail: `A connection may be in ${MAX_ROOMS_PER_SOCKET} rooms.` };
    if (!socket.connected) return { ok: false, detail: 'The connection is closed.' };
    // Joins before it awaits: so a burst of joins can't pass the limit, and no outcome is missed between read
    // and join.
    if (target.kind === 'sale') {
      this.#watchSale(target.saleId);
      void socket.join(target.room);
      return { ok: true };
    }
    this.#watchReservation(target.id, target.ref);
    void socket.join(target.room);
    const outcome = await this.#options.lookup.readOutcome(target.id, target.ref);
    if (outcome !== undefined) this.#emit(target.id, outcome);
    return { ok: true };
  }

  #watchSale(saleId: string): void {
    const sale = this.#sales.get(saleId);
    if (sale !== undefined) {
      // A client that joins later also gets an event at the next tick.
      sale.isDirty = true;
      return;
    }
    this.#sales.set(saleId, {
      isDirty: true,
      isReading: false,
      lastAccepted: this.#options.acceptedOf(saleId),
      accepted: new RateMeter(),
      decided: new RateMeter(),
    });
  }

  /** Where the reservations that clients wait for are kept, and under which key. */
  #watchedBy(ref: ReservationRef): readonly [Map<string, Set<string>>, string] {
    return ref.kind === 'framed' ? [this.#frames, ref.frameId] : [this.#keyed, ref.saleId];
  }

  #watchReservation(id: string, ref: ReservationRef): void {
    const [map, key] = this.#watchedBy(ref);
    const ids = map.get(key);
    if (ids === undefined) map.set(key, new Set([id]));
    else ids.add(id);
  }

  /** Releases a room that the last client has left. */
  #release(room: string): void {
    const target = parseRoom(room);
    if (target === undefined) return;
    if (target.kind === 'sale') {
      this.#sales.delete(target.saleId);
      return;
    }
    const [map, key] = this.#watchedBy(target.ref);
    const ids = map.get(key);
    ids?.delete(target.id);
    if (ids?.size === 0) map.delete(key);
  }

  #emit(id: string, outcome: Outcome): void {
    const room = `reservation:${id}`;
    this.#io.to(room).emit('outcome', viewOf(id, outcome));
    this.#io.in(room).socketsLeave(room);
  }

  /** Disconnects clients that do not read: their unsent messages would grow without end. */
  #dropSlowClients(): void {
    for (const { conn } of this.#io.of('/').sockets.values()) {
      // Not in engine.io's types, but there is no other way to know.
      const unsent: unknown = Reflect.get(conn, 'writeBuffer');
      if (Array.isArray(unsent) && unsent.length > MAX_UNSENT_MESSAGES) conn.close(true);
    }
  }

  #tick(): void {
    if (++this.#ticks % SLOW_CLIENT_TICKS === 0) this.#dropSlowClients();
    for (const [saleId, sale] of this.#sales) {
      if (this.#options.acceptedOf(saleId) !== sale.lastAccepted) sale.isDirty = true;
      // Sends on after the last change until the rates are 0.
      if (sale.isDirty || sale.accepted.isMoving || sale.decided.isMoving) void this.#sendSale(saleId, sale);
    }
    for (const saleId of this.#keyedDirty) {
      const ids = [...(this.#keyed.get(saleId) ?? [])].slice(0, MAX_KEYED_READS);
      void this.#readOutcomes(ids);
    }
    this.#keyedDirty.clear();
  }

  async #sendSale(saleId: string, sale: WatchedSale): Promise<void> {
    if (sale.isReading) return;
    sale.isReading = true;
    sale.isDirty = false;
    try {
      const view = await this.#options.readSale(saleId);
      if (view === undefined) return;
      const nowMs = performance.now();
      sale.lastAccepted = this.#options.acceptedOf(saleId);
      this.#io.to(`sale:${saleId}`).emit('sale', {
        saleId,
        atMs: Date.now(),
        stock: view.stock,
        ...view.counters,
        isSoldOut: view.isSoldOut,
        status: view.status,
        generation: view.generation,
        acceptedPerSec: sale.accepted.add(sale.lastAccepted, nowMs),
        decidedPerSec: sale.decided.add(view.counters.decided, nowMs),
      });
    } catch (error) {
      // Redis is away: the next tick tries again.
      sale.isDirty = true;
      this.#options.onError(`reading sale ${saleId} for its dashboards`, error);
    } finally {
      sale.isReading = false;
    }
  }

  async #readOutcomes(ids: readonly string[]): Promise<void> {
    await Promise.all(
      ids.map(async (id) => {
        const ref = parseReservationId(id);
        if (ref === undefined) return;
        try {
          const outcome = await this.#options.lookup.readOutcome(id, ref);
          if (outcome !== undefined) this.#emit(id, outcome);
        } catch (error) {
          this.#options.onError(`reading reservation ${id}`, error);
        }
      }),
    );
  }
}

type Room =
  | { readonly kind: 'sale'; readonly room: string; readonly saleId: string }
  | {
      readonly kind: 'reservation';
      readonly room: string;
      readonly id: string;
      readonly ref: ReservationRef;
    };

/** Parses a room's name; `undefined` for anything else, such as a socket's own id. */
export function parseRoom(room: unknown): Room | undefined {
  if (typeof room !== 'string' || room.length > 128) return undefined;
  if (room.startsWith('sale:')) {
    const saleId = room.slice('sale:'.length);
    return SALE_ID_PATTERN.test(saleId) ? { kind: 'sale', room, saleId } : undefined;
  }
  if (!room.startsWith('reservation:')) return undefined;
  const id = room.slice('reservation:'.length);
  const ref = parseReservationId(id);
  return ref === undefined ? undefined : { kind: 'reservation', room, id, ref };
}

function isReply(reply: unknown): reply is (answer: JoinReply) => void {
  return typeof reply === 'function';
}
