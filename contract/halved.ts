/** Merges neighbours, so that half as many rows remain; an odd last row stays. Bounds the length of a series. */
export function halved<Row>(rows: readonly Row[], merge: (first: Row, second: Row) => Row): Row[] {
  const half: Row[] = [];
  for (let at = 0; at < rows.length; at += 2) {
    const [first, second] = [rows[at], rows[at + 1]];
    if (first !== undefined) half.push(second === undefined ? first : merge(first, second));
  }
  return half;
}
