/**
 * Moments at which a gateway or worker can be asked to die, or to stand still, so that a test sees what the
 * others make of it. Asked for by FLASHGRID_STOP_AT, or by the supervisor's message `stopAt`.
 *
 *   nothing asked ──stopAt──► counting ──reached for the last time──► dead
 *        ▲                       │                          └──(with standMs)──► standing ──standMs──┐
 *        └───────forgetStop──────┘◄──────────────────────────────────────────────────────────────────┘
 */
import process from 'node:process';
import { z } from 'zod';

interface StopPointText {
  readonly role: 'gateway' | 'worker';
  /** Ends "The gateway …" or "The worker …". */
  readonly where: string;
}

const TABLE = {
  'gateway.after-read': {
    role: 'gateway',
    where: 'has read a reservation, and has opened a frame for it',
  },
  'gateway.before-publish': { role: 'gateway', where: 'is about to publish a frame' },
  'gateway.after-publish': { role: 'gateway', where: 'has sent a frame to RabbitMQ' },
  'gateway.after-confirm': {
    role: 'gateway',
    where: 'has the confirm of a frame, and has not answered its buyers',
  },
  'worker.after-consume': { role: 'worker', where: 'has been handed a frame' },
  'worker.after-lua': { role: 'worker', where: 'has had a frame decided in Redis' },
  'worker.after-commit': { role: 'worker', where: 'has committed the grants of a frame to Postgres' },
  'worker.after-pubsub': { role: 'worker', where: 'has told the outcomes of a frame' },
  'worker.before-ack': { role: 'worker', where: 'is about to ack' },
  'worker.rebuild-locked': { role: 'worker', where: 'has the lock of a rebuild' },
  'worker.rebuild-raised': { role: 'worker', where: 'has raised the epoch of a sale in Postgres' },
  'worker.rebuild-loaded': { role: 'worker', where: 'has loaded all tickets of a sale into Redis' },
  'worker.rebuild-started': { role: 'worker', where: 'has started the new epoch of a sale in Redis' },
} as const satisfies Record<string, StopPointText>;

export type StopPoint = keyof typeof TABLE;
export const STOP_POINTS: Readonly<Record<StopPoint, StopPointText>> = TABLE;
export const STOP_POINT_IDS = Object.keys(TABLE) as StopPoint[];

/** Most ms that a process stands still: RabbitMQ and the audit give up a silent one long before. */
const MAX_STAND_MS = 600_000;

export const stopRequestSchema = z.object({
  point: z.enum(STOP_POINT_IDS),
  /** 1: at the first time that it gets there. */
  count: z.number().int().min(1).max(1_000_000_000),
  /** ms for which the whole process stands still. Without it, the process dies. */
  standMs: z.number().int().min(1).max(MAX_STAND_MS).optional(),
});
export type StopRequest = z.infer<typeof stopRequestSchema>;

/** FLASHGRID_STOP_AT of one role: `worker.after-lua`, `worker.after-lua:3`, `worker.after-lua:3:5000`. */
export function stopAtText(role: StopPointText['role']) {
  const points = STOP_POINT_IDS.filter((id) => STOP_POINTS[id].role === role);
  return z.string().transform((text, context): StopRequest => {
    const [point, count = '1', standMs] = text.split(':');
    const parsed = stopRequestSchema.extend({ point: z.enum(points) }).safeParse({
      point,
      count: Number(count),
      ...(standMs === undefined ? {} : { standMs: Number(standMs) }),
    });
    if (parsed.success && text.split(':').length <= 3) return parsed.data;
    context.addIssue({
      code: 'custom',
      message: `must be POINT, POINT:COUNT or POINT:COUNT:MS, such as ${points[0]}:3; POINT is one of ${points.join(', ')}`,
    });
    return z.NEVER;
  });
}

interface Pending extends StopRequest {
  left: number;
  readonly onReached: (text: string) => void;
}

let pending: Pending | undefined;

/**
 * Asks this process to stop once; a later call replaces an earlier one, and `undefined` takes it back.
 * @param onReached called at that moment, before the process dies or stands still
 */
export function requestStop(request: StopRequest | undefined, onReached: (text: string) => void): void {
  pending = request && { ...request, left: request.count, onReached };
}

/** The process has come to a stop point. Costs one comparison while nothing is asked for. */
export function step(point: StopPoint): void {
  if (pending !== undefined) reach(pending, point);
}

function reach(stop: Pending, point: StopPoint): void {
  if (stop.point !== point || --stop.left > 0) return;
  pending = undefined;
  if (point !== 'gateway.after-publish') return carryOut(stop);
  // amqplib writes a frame to its socket in the next turn of the event loop.
  setImmediate(() => setImmediate(() => carryOut(stop)));
}

function carryOut({ point, standMs, onReached }: Pending): void {
  onReached(
    `${standMs === undefined ? 'dies' : `stands still for ${standMs} ms`} as it was asked to, at ${point}`,
  );
  if (standMs === undefined) process.kill(process.pid, 'SIGKILL');
  else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, standMs);
}
