import { expect, it, onTestFinished } from 'vitest';
import { Notes, type Design, type Reply } from './designs/design.ts';
import { Race } from './race.ts';

/** A design whose statements are those of read, then write, on a number of this process. */
function naive({ isLocked = false } = {}) {
  const race = new Race();
  const notes = new Notes(race);
  let left = 0;
  let sold: { buyer: string; unit: number }[] = [];
  let holder: string | undefined;
  let free: (() => void) | undefined;
  const send = <Answer>(buyer: string, text: string, work: () => Answer | Promise<Answer>) =>
    notes.send(buyer, text, async () => await work(), String);
  const lock = async (buyer: string) => {
    if (holder !== undefined) await new Promise<void>((resolve) => (free = resolve));
    holder = buyer;
  };
  const unlock = () => {
    holder = undefined;
    free?.();
  };
  const design: Design = {
    join: () => Promise.resolve(),
    open(stock) {
      [left, sold] = [stock, []];
      return Promise.resolve();
    },
    async reserve(buyer): Promise<Reply> {
      try {
        if (isLocked) await send(buyer, 'LOCK', () => lock(buyer));
        if ((await send(buyer, 'READ', () => left)) <= 0) return { is: 'soldOut' };
        await send(buyer, 'WRITE', () => left--);
        sold.push({ buyer, unit: 1 });
        return { is: 'granted', unit: 1 };
      } finally {
        if (isLocked) unlock();
      }
    },
    tickets: () => Promise.resolve(sold),
    hasLockWait: () => Promise.resolve(free !== undefined && holder !== undefined),
    close: () => Promise.resolve(),
  };
  onTestFinished(() => race.end());
  return { race, design };
}

it('sends nothing before a person says so, and one statement a step', async () => {
  const { race, design } = naive();
  expect(await race.begin(design)).toEqual({
    sessions: { A: { lines: [], next: 'READ' }, B: { lines: [], next: 'READ' } },
    tickets: [],
  });
  const { sessions } = await race.step('A');
  expect(sessions.A).toEqual({ lines: [{ text: 'READ', answer: '1' }], next: 'WRITE' });
  expect(sessions.B.lines).toEqual([]);
});

it('lets both buyers read before one writes: both get the unit', async () => {
  const { race, design } = naive();
  await race.begin(design);
  for (const buyer of ['A', 'B', 'A'] as const) await race.step(buyer);
  const { sessions, tickets } = await race.step('B');
  expect([sessions.A.end, sessions.B.end]).toEqual([
    { is: 'granted', unit: 1 },
    { is: 'granted', unit: 1 },
  ]);
  expect(tickets).toHaveLength(2);
  // Nothing is left to send.
  expect((await race.step('B')).sessions.B.lines).toHaveLength(2);
});

it('says who waits for a lock, and goes on once it is free', async () => {
  const { race, design } = naive({ isLocked: true });
  await race.begin(design);
  await race.step('A');
  const waiting = await race.step('B');
  expect(waiting.sessions.B).toEqual({ lines: [{ text: 'LOCK' }], waits: true });
  // A second push sends nothing.
  expect((await race.step('B')).sessions.B).toEqual(waiting.sessions.B);
  await race.step('A');
  const { sessions } = await race.step('A');
  expect(sessions.A.end).toEqual({ is: 'granted', unit: 1 });
  expect(sessions.B).toEqual({ lines: [{ text: 'LOCK', answer: 'undefined' }], next: 'READ' });
  expect((await race.step('B')).sessions.B.end).toEqual({ is: 'soldOut' });
});

it('shows the error of a statement, and ends that session', async () => {
  const { race, design } = naive();
  design.reserve = async (buyer) => {
    await new Notes(race).send(buyer, 'BOOM', () => Promise.reject(new Error('no such table')), String);
    return { is: 'soldOut' };
  };
  await race.begin(design);
  expect((await race.step('A')).sessions.A).toEqual({
    lines: [{ text: 'BOOM', answer: 'ERROR: no such table' }],
    end: { is: 'failed', why: 'no such table' },
  });
});

it('is called off when it begins anew: who held a lock gives it back', async () => {
  const { race, design } = naive({ isLocked: true });
  await race.begin(design);
  await race.step('A');
  const { sessions } = await race.begin(design);
  expect(sessions.A).toEqual({ lines: [], next: 'LOCK' });
  expect((await race.step('B')).sessions.B.lines).toEqual([{ text: 'LOCK', answer: 'undefined' }]);
});
