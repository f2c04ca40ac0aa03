/**
 * Errors of one socket, pipe or file descriptor. The connection is gone or can't be opened now; the process
 * is fine.
 */
const CODES = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'ECONNREFUSED',
  'EPIPE',
  'EIO',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTCONN',
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'EAI_AGAIN',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

/** Whether a process may go on after an uncaught error. */
export function isConnectionError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && CODES.has(String(error.code));
}
