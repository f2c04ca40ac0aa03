/** The most dots that a crowd is drawn with. */
export const MAX_DOTS = 60;
const STEPS = [1, 2, 5] as const;

/** How many dots a crowd takes, and how many reservations each stands for: 1, 2, 5, 10, 20 … */
export function crowdOf(count: number): { readonly dots: number; readonly perDot: number } {
  for (let power = 1; ; power *= 10) {
    for (const step of STEPS) {
      const perDot = step * power;
      if (Math.ceil(count / perDot) <= MAX_DOTS) return { dots: Math.ceil(count / perDot), perDot };
    }
  }
}
