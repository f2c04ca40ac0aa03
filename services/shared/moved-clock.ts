/**
 * Moves the wall clock of this process, as when its machine's clock is set. What is measured by the monotonic clock
 * (performance.now(), timers) is as before. Asked for by the supervisor's message `moveClock`.
 */
const TrueDate = Date;

/** @param byMs from the true time; 0 puts the clock right */
export function moveClock(byMs: number): void {
  const now = (): number => TrueDate.now() + byMs;
  globalThis.Date =
    byMs === 0
      ? TrueDate
      : new Proxy(TrueDate, {
          construct: (date, args, asked) =>
            Reflect.construct(date, args.length === 0 ? [now()] : args, asked) as Date,
          apply: () => new TrueDate(now()).toString(),
          get: (date, name): unknown => (name === 'now' ? now : Reflect.get(date, name)),
        });
}
