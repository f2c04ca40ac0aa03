/** Turns a daemon's errors into failures that a user can act on. */
import { z } from 'zod';
import { FailureError, type Failure } from '../../../contract/failure.ts';
import { withLimit } from '../../../services/shared/time-limit.ts';
import type { FailureCode } from '../../../contract/failures.ts';

/** ms that the daemon may take for a small request. */
export const ASK_LIMIT_MS = 20_000;

const httpErrorSchema = z.object({
  statusCode: z.number(),
  json: z.object({ message: z.string() }).optional().catch(undefined),
});
const codedSchema = z.object({ code: z.string() });

/** The daemon's own message, without what dockerode adds. */
export function errorText(error: unknown): string {
  const http = httpErrorSchema.safeParse(error).data;
  if (http?.json) return http.json.message.trim();
  return error instanceof Error ? error.message.trim() : String(error);
}

/** HTTP status of a daemon's error. */
export function errorStatus(error: unknown): number | undefined {
  return httpErrorSchema.safeParse(error).data?.statusCode;
}

/** System code, as `ECONNREFUSED`. */
export function errorCode(error: unknown): string | undefined {
  return codedSchema.safeParse(error).data?.code;
}

/** Whether the daemon answered 404. */
export function isNotFound(error: unknown): boolean {
  return errorStatus(error) === 404;
}

const LOST_CONNECTION = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT', 'ABORT_ERR']);

/** Whether the daemon itself, not the request, was the problem. */
export function isBackendLost(error: unknown): boolean {
  // Docker answers so while it shuts down.
  if (/database not open|daemon is shutting down/i.test(errorText(error))) return true;
  if (errorStatus(error) !== undefined) return false;
  const code = errorCode(error);
  return code !== undefined && LOST_CONNECTION.has(code);
}

export const DISK_FULL = /no space left on device|ENOSPC|disk quota exceeded|could not write.*No space/i;
const NO_PORT =
  /port is already allocated|all ports are allocated|address already in use|ports are not available|bind: .*forbidden/i;

export const FIX_DISK =
  'Free some space where the daemon keeps its data: "docker system df" shows what is used, "docker system prune" removes what nothing uses. Then start again.';

/** The failure for whatever the daemon answered during `step`. */
export function backendFailure(error: unknown, step: string, doing: string): FailureError {
  if (error instanceof FailureError) return error;
  const text = errorText(error);
  const failure = (code: FailureCode, message: string, fix: string): FailureError =>
    new FailureError({ code, message, fix, step } satisfies Failure, { cause: error });
  if (isBackendLost(error)) {
    return failure(
      'docker.backendLost',
      `The Docker daemon stopped answering while ${doing}: ${text}`,
      'Start the Docker daemon again, then start the cluster.',
    );
  }
  if (DISK_FULL.test(text))
    return failure('docker.diskFull', `The disk is full: ${doing} failed: ${text}`, FIX_DISK);
  if (NO_PORT.test(text)) {
    return failure(
      'docker.noFreePort',
      `No free port on 127.0.0.1: ${doing} failed: ${text}`,
      'End a program that holds many ports ("ss -ltn" lists them), or widen the range of ports, then start again.',
    );
  }
  if (/address pool/i.test(text)) {
    return failure(
      'docker.noAddressPool',
      `The daemon has no address range left for a network: ${text}`,
      'Remove networks that nothing uses with "docker network prune", then start again.',
    );
  }
  if (
    errorStatus(error) === 409 &&
    /name .*in use|already in use by container|network with name/i.test(text)
  ) {
    return failure(
      'docker.nameTaken',
      `Something that FlashGrid did not make has a name that it needs: ${text}`,
      'Rename or remove that container, network or volume yourself: FlashGrid never touches what lacks its label.',
    );
  }
  return failure(
    'docker.refused',
    `The Docker daemon refused: ${doing} failed: ${text}`,
    'Read what the daemon says; "docker info" and the logs of the daemon tell more.',
  );
}

/** Waits for a request; `undefined` when the daemon answered with one of these statuses, which do no harm here. */
export async function unless<Value>(
  statuses: readonly number[],
  request: Promise<Value>,
): Promise<Value | undefined> {
  try {
    return await request;
  } catch (error) {
    if (statuses.includes(errorStatus(error) ?? 0)) return undefined;
    throw error;
  }
}

/** Runs one request to the daemon with a limit; `doing` completes "stopped answering while …". */
export async function ask<Value>(
  step: string,
  doing: string,
  work: () => Promise<Value>,
  limitMs = ASK_LIMIT_MS,
): Promise<Value> {
  const late = `no answer within ${limitMs} ms`;
  try {
    return await withLimit(Promise.resolve().then(work), limitMs, late);
  } catch (error) {
    if (error instanceof Error && error.message === late) {
      throw new FailureError({
        code: 'docker.timeout',
        message: `The Docker daemon gave ${late} while ${doing}.`,
        fix: 'Restart the Docker daemon, then start the cluster again.',
        step,
      });
    }
    throw backendFailure(error, step, doing);
  }
}
