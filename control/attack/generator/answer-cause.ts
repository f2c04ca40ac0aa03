/**
 * Why a request was not accepted, as one short key that is counted: `409 sold-out`, `503 unconfirmed`, `502`,
 * `timeout`, `closed`, `ECONNRESET`. A problem document of the gateway names its kind; the key holds it after
 * the status.
 */

const PROBLEM = /"type":"urn:flashgrid:problem:([a-z-]{1,40})"/;

/**
 * Kinds of 5xx that the gateway gives only to a reservation that it has not published: rejected, and certain
 * to get nothing. After any other 5xx (`unconfirmed`, a proxy's 502) the reservation may be decided all the
 * same.
 */
export const NEVER_PUBLISHED: ReadonlySet<string> = new Set([
  'overloaded',
  'broker-away',
  'broker-blocked',
  'broker-refused',
  'store-away',
  'stopping',
]);

let lastBody = '';
let lastKind: string | undefined;

/** The cause of an answer that is not 202. */
export function answerCause(status: number, body: string): string {
  // Within a moment nearly all rejections have the same body.
  if (body !== lastBody) {
    lastBody = body;
    lastKind = PROBLEM.exec(body)?.[1];
  }
  return lastKind === undefined ? String(status) : `${status} ${lastKind}`;
}

/** Whether only the audit can tell what became of a request that was answered so. */
export function isUndecided(status: number, cause: string): boolean {
  return status >= 500 && !NEVER_PUBLISHED.has(cause.slice(4));
}

/**
 * The cause of a request whose connection was lost: the system's error code, or `closed` when the gateway
 * closed it.
 */
export function lossCause(error: NodeJS.ErrnoException | undefined): string {
  return error === undefined ? 'closed' : (error.code ?? 'broken');
}
