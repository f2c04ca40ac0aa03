/** Pulls the images that are missing, with progress, retries and cancel. */
import { byteSize } from '../../../contract/format.ts';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { FailureError } from '../../../contract/failure.ts';
import { ask, errorText, isBackendLost, backendFailure, unless } from './errors.ts';
import type { ImageFacts } from './backend-spec.ts';
import { ownSurroundings } from './places.ts';
import { pullFailure, pullFaultOf } from './pull-failure.ts';
import { PullProgress, pullMessageSchema } from './pull-progress.ts';
import { registryAuth } from './registry-auth.ts';
import type { StepReporter } from '../steps.ts';
import { parseJson } from '../../../services/shared/parse-json.ts';

/** ms without a message from the daemon after which a pull counts as stalled. */
const STALL_LIMIT_MS = 90_000;
/** ms to wait before each new try of a pull that the network broke off. */
const RETRY_WAITS_MS = [500, 2_000];
/** ms between two reports of progress. */
const REPORT_EVERY_MS = 200;

/** What the daemon knows about an image; `undefined` when it does not have it. */
export async function imageFacts(
  docker: Docker,
  image: string,
  step: string,
): Promise<ImageFacts | undefined> {
  return await ask(step, `looking for the image ${image}`, async () => {
    const info = await unless([404], docker.getImage(image).inspect());
    return (
      info && {
        id: info.Id,
        volumes: Object.keys(info.Config.Volumes ?? {}),
        env: info.Config.Env ?? [],
      }
    );
  });
}

/**
 * Makes sure that an image is here.
 * @throws FailureError `docker.pull…`, saying whether name, network, credentials or disk was the cause
 */
export async function ensureImage(
  docker: Docker,
  image: string,
  step: StepReporter,
  signal: AbortSignal,
): Promise<ImageFacts> {
  const present = await imageFacts(docker, image, step.id);
  if (present) {
    step.skip('already here');
    return present;
  }
  step.note('asking the registry');
  const startedAtMs = Date.now();
  const progress = await pullWithRetries(docker, image, step, signal);
  const pulled = await imageFacts(docker, image, step.id);
  if (!pulled)
    throw new FailureError(pullFailure(image, 'the daemon pulled it, but does not have it', step.id));
  step.done(
    `${byteSize(progress.progress().doneBytes)} in ${((Date.now() - startedAtMs) / 1000).toFixed(1)} s`,
  );
  return pulled;
}

async function pullWithRetries(
  docker: Docker,
  image: string,
  step: StepReporter,
  signal: AbortSignal,
): Promise<PullProgress> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await pull(docker, image, step, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (isBackendLost(error)) throw backendFailure(error, step.id, `fetching ${image}`);
      const text = errorText(error);
      const waitMs = RETRY_WAITS_MS[attempt];
      if (pullFaultOf(text) !== 'network' || waitMs === undefined)
        throw new FailureError(pullFailure(image, text, step.id), { cause: error });
      step.note(`broken off (${text}); resuming in ${waitMs} ms`);
      await sleep(waitMs, undefined, { signal });
    }
  }
}

async function pull(
  docker: Docker,
  image: string,
  step: StepReporter,
  signal: AbortSignal,
): Promise<PullProgress> {
  const authconfig = await registryAuth(image, ownSurroundings());
  // The only way to cancel a pull is to close the connection.
  const stalled = new AbortController();
  const hangUp = AbortSignal.any([signal, stalled.signal]);
  hangUp.throwIfAborted();
  const watch = setTimeout(() => stalled.abort(), STALL_LIMIT_MS);
  let stream: NodeJS.ReadableStream | undefined;
  const progress = new PullProgress();
  try {
    stream = await docker.pull(image, { abortSignal: hangUp, ...(authconfig ? { authconfig } : {}) });
    let reportedAtMs = 0;
    for await (const line of linesOf(stream, hangUp)) {
      watch.refresh();
      // A line that was cut off is skipped; a missing image shows the failure.
      const message = parseJson(line, pullMessageSchema);
      if (!message) continue;
      if (message.error !== undefined) throw new Error(message.error);
      progress.add(message, Date.now());
      if (Date.now() - reportedAtMs < REPORT_EVERY_MS) continue;
      reportedAtMs = Date.now();
      step.progress(progress.describe(), progress.progress());
    }
    hangUp.throwIfAborted();
    return progress;
  } catch (error) {
    if (stalled.signal.aborted)
      throw new Error(`stalled: no word from the registry for ${STALL_LIMIT_MS / 1000} s`, { cause: error });
    throw error;
  } finally {
    clearTimeout(watch);
    if (stream instanceof Readable) stream.destroy();
  }
}

/** Lines of a stream; ends when aborted, even if the stream goes on. */
async function* linesOf(stream: NodeJS.ReadableStream, signal: AbortSignal): AsyncGenerator<string> {
  let problem: Error | undefined;
  stream.on('error', (error: Error) => {
    problem = error;
  });
  const lines = createInterface({ input: stream, crlfDelay: Infinity });
  // Without a listener, an error of the stream would end the process.
  lines.on('error', (error: Error) => {
    problem = error;
  });
  const close = (): void => lines.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    yield* lines;
    if (problem) throw problem;
  } finally {
    signal.removeEventListener('abort', close);
    lines.close();
  }
}
