import { describe, expect, it } from 'vitest';
import { FrameClock } from './frame-clock.ts';

const RETENTION_MS = 20 * 60_000;

describe('the clock of frames', () => {
  it('tells recent, sent and expired frames apart', () => {
    let lastSeq = 0;
    const clock = new FrameClock('gateway1', RETENTION_MS, () => lastSeq);
    lastSeq = 10;
    clock.mark(0);
    lastSeq = 20;
    clock.mark(RETENTION_MS - 60_000);
    lastSeq = 50;
    const now = RETENTION_MS;
    expect(clock.ask(`gateway1-${(10).toString(36)}`, now)).toBe('expired');
    expect(clock.ask(`gateway1-${(11).toString(36)}`, now)).toBe('sent');
    expect(clock.ask(`gateway1-${(20).toString(36)}`, now)).toBe('sent');
    expect(clock.ask(`gateway1-${(21).toString(36)}`, now)).toBe('recent');
    expect(clock.ask(`gateway1-${(50).toString(36)}`, now)).toBe('recent');
  });

  it('knows that a frame beyond the last one, or with an odd number, was never sent', () => {
    const clock = new FrameClock('gateway1', RETENTION_MS, () => 5);
    for (const id of ['gateway1-6', 'gateway1-0', 'gateway1-05', 'gateway1-zzzzzzzzzzz'])
      expect(clock.ask(id, 0)).toBe('never-sent');
    expect(clock.ask('gateway1-5', 0)).toBe('recent');
  });

  it('says nothing of the frames of others', () => {
    const clock = new FrameClock('gateway1', RETENTION_MS, () => 5);
    expect(clock.ask('gateway2-1', 0)).toBe('foreign');
  });

  it('remembers no more than it needs', () => {
    let lastSeq = 0;
    const clock = new FrameClock('gateway1', RETENTION_MS, () => lastSeq);
    for (let second = 0; second < 10_000; second++) {
      lastSeq = second;
      clock.mark(second * 1_000);
    }
    expect(clock.ask(`gateway1-${(1).toString(36)}`, 10_000_000)).toBe('expired');
    expect(clock.ask(`gateway1-${(9_999).toString(36)}`, 10_000_000)).toBe('recent');
  });
});
