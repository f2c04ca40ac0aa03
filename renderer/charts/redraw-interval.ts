/** As often as samples come, in pairs. */
export const FASTEST_REDRAW_MS = 200;
const SLOWEST_REDRAW_MS = 800;
/** Share of the window's time that one chart may take: with five of them, two thirds stay free for everything else. */
const SHARE = 1 / 16;

/**
 * How long a chart rests until it is drawn anew: longer where drawing is slow, because the machine is or because the attack leaves it
 * little. In whole steps, so that the charts keep their turns.
 * @param costMs from the wish to draw until it was drawn
 */
export function redrawIntervalMs(costMs: number): number {
  const steps = Math.max(1, Math.ceil(costMs / SHARE / FASTEST_REDRAW_MS));
  return Math.min(SLOWEST_REDRAW_MS, steps * FASTEST_REDRAW_MS);
}
