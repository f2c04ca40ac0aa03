/**
 * A race of two buyers for one unit, whose statements a person sends one by one. A session is in one of these states:
 *
 *   stands (before its next statement) ──step──► sent ──answered──► stands … ──► over
 *                                                 └─ waits, while the other's transaction holds its lock
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { errorText } from '../shared/error-text.ts';
import { withLimit } from '../shared/time-limit.ts';
import type { Design, Reply, Stepper, Ticket } from './designs/design.ts';

const BUYERS = ['A', 'B'] as const;
type Buyer = (typeof BUYERS)[number];
export const isBuyer = (name: string): name is Buyer => name === 'A' || name === 'B';

/** ms until a statement that has no answer is shown as it is, and between two looks before that. */
const SETTLE_MS = 1_000;
const LOOK_MS = 15;
/** ms that a look at locks and orders may take. */
const ASK_LIMIT_MS = 1_500;
/** ms in which both sessions must have ended, once the race is called off. */
const END_LIMIT_MS = 3_000;
/** The most statements of a session that are shown: a lock can be asked for again and again. */
const MAX_LINES = 60;

interface SessionView {
  readonly lines: readonly { readonly text: string; readonly answer?: string }[];
  /** What it sends at the next step. */
  readonly next?: string;
  /** Its last statement has no answer: the other one holds the lock. */
  readonly waits?: boolean;
  readonly end?: Reply | { readonly is: 'failed'; readonly why: string };
}

interface RaceView {
  readonly sessions: Readonly<Record<Buyer, SessionView>>;
  /** The orders, as everybody sees them. */
  readonly tickets: readonly Ticket[];
}

class Session {
  lines: { readonly text: string; answer?: string }[] = [];
  gate: { readonly text: string; open(): void; refuse(error: Error): void } | undefined;
  end: SessionView['end'];
  /** Of the whole request. */
  over: Promise<void> = Promise.resolve();

  get isBusy(): boolean {
    return this.gate === undefined && this.end === undefined;
  }
}

export class Race implements Stepper {
  #sessions: Record<Buyer, Session> = { A: new Session(), B: new Session() };
  #design: Design | undefined;
  #isOver = true;
  #tickets: readonly Ticket[] = [];

  /** Calls off the race before, puts one unit on sale, and brings both buyers to their first statement. */
  async begin(design: Design): Promise<RaceView> {
    await this.end();
    await design.open(1);
    this.#design = design;
    this.#isOver = false;
    this.#sessions = { A: new Session(), B: new Session() };
    for (const buyer of BUYERS) {
      const session = this.#sessions[buyer];
      session.over = design.reserve(buyer).then(
        (reply) => void (session.end = reply),
        (error: unknown) => void (session.end = { is: 'failed', why: errorText(error) }),
      );
    }
    return await this.look();
  }

  async before(name: string, text: string): Promise<void> {
    // A race that was called off cleans up by itself.
    if (this.#isOver || !isBuyer(name)) return;
    const session = this.#sessions[name];
    await new Promise<void>((resolve, reject) => {
      session.gate = { text, open: resolve, refuse: reject };
    });
  }

  after(name: string, answer: string): void {
    const line = isBuyer(name) ? this.#sessions[name].lines.at(-1) : undefined;
    if (line) line.answer ??= answer;
  }

  /** Sends the next statement of a buyer. Nothing happens where it waits, or is over. */
  async step(buyer: Buyer): Promise<RaceView> {
    const session = this.#sessions[buyer];
    const { gate } = session;
    if (gate) {
      session.gate = undefined;
      session.lines = [...session.lines, { text: gate.text }].slice(-MAX_LINES);
      gate.open();
    }
    return await this.look();
  }

  /** What is to be seen, as soon as nothing changes by itself, or after a second. */
  async look(): Promise<RaceView> {
    const until = performance.now() + SETTLE_MS;
    let waiting: Buyer | undefined;
    for (;;) {
      const busy = BUYERS.filter((buyer) => this.#sessions[buyer].isBusy);
      const [only] = busy.length === 1 ? busy : [];
      waiting = only !== undefined && (await this.#hasLockWait()) ? only : undefined;
      // It may have got its answer while Postgres was asked.
      if (waiting !== undefined && !this.#sessions[waiting].isBusy) continue;
      if (busy.length === 0 || waiting !== undefined || performance.now() > until) break;
      await sleep(LOOK_MS);
    }
    if (this.#design)
      this.#tickets = await withLimit(this.#design.tickets(), ASK_LIMIT_MS, 'no answer').catch(
        () => this.#tickets,
      );
    const viewOf = (buyer: Buyer): SessionView => {
      const { lines, gate, end } = this.#sessions[buyer];
      return {
        lines,
        ...(gate && { next: gate.text }),
        ...(end && { end }),
        ...(waiting === buyer && { waits: true }),
      };
    };
    return { sessions: { A: viewOf('A'), B: viewOf('B') }, tickets: this.#tickets };
  }

  /**
   * Calls the race off: what stands is rolled back.
   * @throws Error when a backend does not answer in time
   */
  async end(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const { gate } of Object.values(this.#sessions)) gate?.refuse(new Error('the race was called off'));
    const over = Promise.all(Object.values(this.#sessions).map((session) => session.over));
    await withLimit(over, END_LIMIT_MS, 'the statements of the last race did not end');
  }

  async #hasLockWait(): Promise<boolean> {
    const asked = this.#design?.hasLockWait?.() ?? Promise.resolve(false);
    return await withLimit(asked, ASK_LIMIT_MS, 'no answer').catch(() => false);
  }
}
