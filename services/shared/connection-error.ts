/** Errors of a socket, a pipe or a file descriptor: one connection is gone, or can't be had at this moment; the process is well. */
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

/** Whether an error that nobody heard is no reason to end a process. */
export function isConnectionError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && CODES.has(String(error.code));
}
