/** Half as many rows, each made of two neighbours; an odd last one stays as it is. For series that get coarser instead of longer. */
export function halved<Row>(rows: readonly Row[], merge: (first: Row, second: Row) => Row): Row[] {
  const half: Row[] = [];
  for (let at = 0; at < rows.length; at += 2) {
    const [first, second] = [rows[at], rows[at + 1]];
    if (first !== undefined) half.push(second === undefined ? first : merge(first, second));
  }
  return half;
}
