/** The one time limit on a promise, for every process and the page. */

/**
 * The promise's value, or an error after `limitMs`. The promise itself goes on.
 * @param late the error's message, or a function that makes the error
 * @param defer runs the rejection; by default at once
 */
export async function withLimit<Value>(
  promise: Promise<Value>,
  limitMs: number,
  late: string | (() => Error),
  defer: (task: () => void) => void = (task) => task(),
): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    const fail = (): void => reject(typeof late === 'string' ? new Error(late) : late());
    timer = setTimeout(() => defer(fail), limitMs);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
