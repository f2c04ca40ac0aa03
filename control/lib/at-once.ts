/** Work on thousands of sales: many at once, so that they share round trips, and never all of them. */

/** Sales that are worked on at once. */
const AT_ONCE = 128;

/** Rejects with the first failure; what was begun by then goes on. */
export async function forEachAtOnce<Item>(
  items: readonly Item[],
  work: (item: Item, at: number) => Promise<void>,
): Promise<void> {
  const rest = items.entries();
  const inTurn = async () => {
    for (const [at, item] of rest) await work(item, at);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, inTurn));
}
