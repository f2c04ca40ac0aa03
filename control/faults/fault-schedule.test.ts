import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { faultText, parseFaults, type FaultSpec } from '../../contract/fault-syntax.ts';
import { FaultSchedule } from './fault-schedule.ts';

const START_MS = 1_000_000;

function scheduleOf(text: string) {
  const made: string[] = [];
  const skipped: string[] = [];
  const schedule = new FaultSchedule(parseFaults(text), {
    prepare: () => Promise.resolve(),
    inject: (spec: FaultSpec) => Promise.resolve(void made.push(faultText(spec))),
    skip: (spec: FaultSpec) => void skipped.push(faultText(spec)),
  });
  return { schedule, made, skipped };
}

describe('the schedule of an attack', () => {
  beforeEach(() => void vi.useFakeTimers({ now: START_MS }));
  afterEach(() => void vi.useRealTimers());

  it('makes each fault once, when its moment has come', async () => {
    const { schedule, made, skipped } = scheduleOf(
      'kill:redis@start kill:worker@300ms kill:gateway@25% restart:worker@first-grant restart:redis@sold-out kill:postgres@drain',
    );
    await schedule.prepare();
    expect(made).toEqual(['kill:redis@start']);
    schedule.begin(START_MS + 100);
    vi.advanceTimersByTime(399);
    expect(made).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(made.at(-1)).toBe('kill:worker@300ms');
    schedule.handle({ progress: 0.2, granted: 0, remaining: 0 });
    expect(made).toHaveLength(2);
    schedule.handle({ progress: 0.25, granted: 0, remaining: 20 });
    schedule.handle({ progress: 0.3, granted: 1, remaining: 19 });
    schedule.handle({ progress: 0.4, granted: 20, remaining: 0 });
    expect(made.slice(2)).toEqual([
      'kill:gateway@25%',
      'restart:worker@first-grant',
      'restart:redis@sold-out',
    ]);
    schedule.drain();
    schedule.drain();
    schedule.end();
    expect(made.slice(5)).toEqual(['kill:postgres@drain']);
    expect(skipped).toEqual([]);
  });

  it('notes what was never due, and makes nothing after its end', () => {
    const { schedule, made, skipped } = scheduleOf('kill:worker@5s restart:redis@sold-out');
    schedule.begin(START_MS);
    vi.advanceTimersByTime(4_000);
    schedule.end();
    schedule.end();
    vi.advanceTimersByTime(4_000);
    expect(made).toEqual([]);
    expect(skipped).toEqual(['kill:worker@5s', 'restart:redis@sold-out']);
  });
});
