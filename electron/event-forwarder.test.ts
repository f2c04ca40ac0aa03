import { describe, expect, it } from 'vitest';
import type { EventMessage } from '../contract/wire.ts';
import { EventForwarder } from './event-forwarder.ts';

function makeWorld(maxWaitingItems?: number) {
  const sent: (readonly EventMessage[])[] = [];
  let overflows = 0;
  const forwarder = new EventForwarder({
    send: (batch) => sent.push(batch),
    onOverflow: () => overflows++,
    ...(maxWaitingItems === undefined ? {} : { maxWaitingItems }),
  });
  return { forwarder, sent, overflows: () => overflows };
}
const lines = (count: number) => ({ seq: 1, lines: Array.from({ length: count }, () => ({})) });

describe('EventForwarder', () => {
  it('sends nothing before a page listens: it takes a snapshot first', () => {
    const { forwarder, sent } = makeWorld();
    forwarder.push('logs.linesAdded', lines(1));
    forwarder.ready();
    expect(sent).toEqual([]);
  });

  it('sends at once to a page that waits', () => {
    const { forwarder, sent } = makeWorld();
    forwarder.ready();
    forwarder.push('logs.linesAdded', { seq: 1, lines: [] });
    expect(sent).toEqual([[{ event: 'logs.linesAdded', payload: { seq: 1, lines: [] } }]]);
  });

  it('keeps what comes meanwhile for one batch, in order, and of a state only the newest', () => {
    const { forwarder, sent } = makeWorld();
    forwarder.ready();
    forwarder.push('cluster.stateChanged', { seq: 1 });
    forwarder.push('cluster.stateChanged', { seq: 2 });
    forwarder.push('logs.linesAdded', { seq: 3, lines: [] });
    forwarder.push('cluster.stateChanged', { seq: 4 });
    forwarder.push('logs.linesAdded', { seq: 5, lines: [] });
    expect(sent).toHaveLength(1);
    forwarder.ready();
    expect(sent[1]).toEqual([
      { event: 'logs.linesAdded', payload: { seq: 3, lines: [] } },
      { event: 'cluster.stateChanged', payload: { seq: 4 } },
      { event: 'logs.linesAdded', payload: { seq: 5, lines: [] } },
    ]);
  });

  it('has the page loaded anew when it is too far behind, and keeps nothing for it', () => {
    const { forwarder, sent, overflows } = makeWorld(10);
    forwarder.ready();
    forwarder.push('logs.linesAdded', lines(1));
    forwarder.push('logs.linesAdded', lines(10));
    expect(overflows()).toBe(0);
    forwarder.push('logs.linesAdded', lines(1));
    expect(overflows()).toBe(1);
    forwarder.ready();
    expect(sent).toHaveLength(1);
  });

  it('does not overflow by a state that is told again and again', () => {
    const { forwarder, overflows } = makeWorld(10);
    forwarder.ready();
    for (let seq = 0; seq < 1_000; seq++) forwarder.push('attack.stateChanged', { seq });
    expect(overflows()).toBe(0);
  });

  it('forgets a page that is gone, and serves the next one', () => {
    const { forwarder, sent } = makeWorld();
    forwarder.ready();
    forwarder.push('logs.linesAdded', lines(1));
    forwarder.push('logs.linesAdded', lines(2));
    forwarder.pageGone();
    forwarder.push('logs.linesAdded', lines(3));
    forwarder.ready();
    expect(sent).toHaveLength(1);
    forwarder.push('logs.linesAdded', lines(4));
    expect(sent).toHaveLength(2);
  });
});
