import { describe, expect, it } from 'vitest';
import { frameIdOf } from '../shared/ids.ts';
import { FrameClock } from './frame-clock.ts';

const RETENTION_MS = 20 * 60_000;
const idOf = (bucket: number) => frameIdOf('gateway1', bucket, 7);

describe('the clock of frames', () => {
  it('tells recent, sent and expired frames apart', () => {
    let last = 0;
    const clock = new FrameClock('gateway1', RETENTION_MS, () => last);
    last = 10;
    clock.mark(0);
    last = 20;
    clock.mark(RETENTION_MS - 60_000);
    last = 50;
    const now = RETENTION_MS;
    expect(clock.ask(idOf(10), now)).toBe('expired');
    expect(clock.ask(idOf(11), now)).toBe('sent');
    expect(clock.ask(idOf(20), now)).toBe('sent');
    expect(clock.ask(idOf(21), now)).toBe('recent');
    expect(clock.ask(idOf(50), now)).toBe('recent');
  });

  it('knows that a frame beyond the last bucket, or with an odd number, was never sent', () => {
    const clock = new FrameClock('gateway1', RETENTION_MS, () => 5);
    for (const name of ['600', '000', '0500', '5', '00', '51s', '5zz', 'zzzzzzzzzzz'])
      expect(clock.ask(`gateway1-${name}`, 0), name).toBe('never-sent');
    expect(clock.ask('gateway1-500', 0)).toBe('recent');
    expect(clock.ask('gateway1-51r', 0)).toBe('recent');
  });

  it('says nothing of the frames of others', () => {
    const clock = new FrameClock('gateway1', RETENTION_MS, () => 5);
    expect(clock.ask('gateway2-100', 0)).toBe('foreign');
  });

  it('remembers no more than it needs', () => {
    let last = 0;
    const clock = new FrameClock('gateway1', RETENTION_MS, () => last);
    for (let second = 0; second < 10_000; second++) {
      last = second;
      clock.mark(second * 1_000);
    }
    expect(clock.ask(idOf(1), 10_000_000)).toBe('expired');
    expect(clock.ask(idOf(9_999), 10_000_000)).toBe('recent');
  });
});
