/**
 * Entry of a load generator process. It runs its share of one attack, reports what it saw, and ends. When its
 * channel to the control centre closes, it ends at once: nobody would get the result.
 */
import { performance } from 'node:perf_hooks';
import { FailureError, type Failure } from '../../../contract/failure.ts';
import {
  commandMessageSchema,
  type GeneratorJob,
  type GeneratorMessage,
} from '../protocol/generator-messages.ts';
import { LoadGenerator } from './load-generator.ts';
import { openShop } from './shop-client.ts';
import { warmUp } from './warm-up.ts';
import type { RequestLog } from '../protocol/request-log.ts';

/** Requests in one message: 1.7 MB. */
const CHUNK_REQUESTS = 100_000;

let job: GeneratorJob | undefined;
let generator: LoadGenerator | undefined;

process.once('disconnect', () => process.exit(0));
// The terminal's Ctrl-C and a system's shutdown reach the control centre, which then stops its generators in
// order.
process.on('SIGINT', () => undefined);

process.on('message', (raw) => {
  const parsed = commandMessageSchema.safeParse(raw);
  if (!parsed.success) return failWith(new Error(`a message that is none: ${parsed.error.message}`));
  const message = parsed.data;
  if (message.type === 'stop') {
    generator?.cancel();
    process.disconnect();
  } else if (message.type === 'job') {
    job = message.job;
    void prepare(job).catch(failWith);
  } else if (job) void attack(job, message.startAtMs).catch(failWith);
});

async function prepare(job: GeneratorJob): Promise<void> {
  // What fails here fails in the attack, too, and is told there.
  if (job.pace) await warmUp(job).catch(() => undefined);
  await send({ type: 'ready' });
}

async function attack(job: GeneratorJob, startAtMs: number): Promise<void> {
  const startMs = startAtMs - performance.timeOrigin;
  // A module of the user may throw in the middle of an answer.
  if (job.target) process.once('uncaughtException', failWith);
  const load = new LoadGenerator({
    job,
    startMs,
    shop: job.target && (await openShop(job.target)),
    onInterval: (interval) => void send(interval).catch(failWith),
  });
  generator = load;
  // Under a rate the connections are opened before the first request is due, so that none waits for them. A burst opens
  // them with its requests, as its buyers do.
  const opensMs = job.pace ? 0 : startMs;
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, opensMs - performance.now())));
  const result = await load.run();
  await sendLog(load.log);
  await send(result);
}

/** One chunk after the other, each when the last has left: the pipe holds little. */
async function sendLog({ columns, prefixes }: RequestLog): Promise<void> {
  await send({ type: 'prefixes', text: prefixes.encode() });
  for (let first = 0; first < columns.status.length; first += CHUNK_REQUESTS) {
    const end = first + CHUNK_REQUESTS;
    await send({
      type: 'columns',
      first,
      status: columns.status.slice(first, end),
      httpStatus: columns.httpStatus.slice(first, end),
      sentUs: columns.sentUs.slice(first, end),
      answeredUs: columns.answeredUs.slice(first, end),
      prefix: columns.prefix.slice(first, end),
      place: columns.place.slice(first, end),
    });
  }
}

async function send(message: GeneratorMessage): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    if (!process.send) return reject(new Error('this program is started by the control centre only'));
    process.send(message, undefined, {}, (error) => (error ? reject(error) : resolve()));
  });
}

function failWith(error: unknown): void {
  if (!process.connected) process.exit(1);
  const failure: Failure =
    error instanceof FailureError
      ? error.failure
      : {
          code: 'attack.generatorFailed',
          message: `The load generator failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
          fix: 'This is a defect of FlashGrid: please report it with this message.',
        };
  send({ type: 'failed', failure }).then(
    () => process.disconnect(),
    () => process.exit(1),
  );
}
