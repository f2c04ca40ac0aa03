/** The one time limit on a promise, for every process and the page. */

/**
 * The promise's value, or an error after `limitMs`: `late` is its message, or makes it. The promise itself goes on.
 */
export async function withLimit<Value>(
  promise: Promise<Value>,
  limitMs: number,
  late: string | (() => Error),
): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(typeof late === 'string' ? new Error(late) : late()), limitMs);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
