/** The one time limit on a promise, for every process and the page. */

/**
 * The promise's value, or an error after `limitMs`: `late` is its message, or makes it. The promise itself goes on.
 * @param defer runs the refusal, at once unless it says otherwise
 */
export async function withLimit<Value>(
  promise: Promise<Value>,
  limitMs: number,
  late: string | (() => Error),
  defer: (task: () => void) => void = (task) => task(),
): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    const refuse = (): void => reject(typeof late === 'string' ? new Error(late) : late());
    timer = setTimeout(() => defer(refuse), limitMs);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
