/** Strength of a drawn stream, 0..4: one step for each power of ten. */
export function strengthOf(perSec: number): number {
  if (perSec < 0.5) return 0;
  return Math.min(4, Math.max(1, Math.floor(Math.log10(perSec)) + 1));
}
