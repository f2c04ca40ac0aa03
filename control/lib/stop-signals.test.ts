import process from 'node:process';
import { expect, it, onTestFinished, vi } from 'vitest';
import { onStopSignals } from './stop-signals.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

it('asks once for an orderly stop, and ends at once only when a person asks again', () => {
  const before = SIGNALS.map((name) => process.listeners(name));
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
    SIGNALS.forEach((name, at) => {
      for (const listener of process.listeners(name))
        if (!before[at]?.includes(listener)) process.off(name, listener);
    });
  });
  const asked: string[] = [];
  const endNow = vi.fn();
  onStopSignals((name, isFirst) => asked.push(`${name} ${isFirst}`), endNow);
  process.emit('SIGINT', 'SIGINT');
  // npm hands on the same Ctrl-C.
  vi.advanceTimersByTime(500);
  process.emit('SIGTERM', 'SIGTERM');
  vi.advanceTimersByTime(500);
  process.emit('SIGHUP', 'SIGHUP');
  expect(asked).toEqual(['SIGINT true', 'SIGTERM false', 'SIGHUP false']);
  expect(endNow).not.toHaveBeenCalled();
  process.emit('SIGINT', 'SIGINT');
  expect(endNow).toHaveBeenCalledOnce();
});
