/** Makes faults, ends those that last, and tells what came of each. */
import { faultText, type FaultSpec } from '../../contract/fault-syntax.ts';
import type { FaultOutcome } from '../../contract/run-record.ts';
import { errorText } from '../../services/shared/error-text.ts';
import { ALL_FAULTS } from './all-faults.ts';
import type { Fault, FaultTools, Injection } from './fault.ts';
import { whenLed } from './parts.ts';

interface Made {
  readonly outcome: Omit<FaultOutcome, 'tMs' | 'endMs'>;
  /** ms since the epoch. */
  readonly atMs?: number;
  readonly endMs?: number;
}

export class FaultRunner {
  readonly #tools: FaultTools;
  readonly #onChange: () => void;
  readonly #log: (text: string) => void;
  readonly #made: Made[] = [];
  readonly #working = new Set<Promise<void>>();
  readonly #lasting = new Set<Promise<void>>();
  /** Ends the waits of the faults that last. */
  readonly #heals = new Set<() => void>();
  /** Whoever heals wants nothing to last from now on, what is being made at this moment included. */
  #isHealing = false;

  constructor(tools: FaultTools, { onChange, onLog }: { onChange(): void; onLog(text: string): void }) {
    this.#tools = tools;
    this.#onChange = onChange;
    this.#log = onLog;
  }

  /** What was made so far, in the order of time. */
  outcomes(startMs: number): FaultOutcome[] {
    const since = (ms: number) => Math.round(ms - startMs);
    return this.#made.map(({ outcome, atMs, endMs }) => ({
      ...outcome,
      ...(atMs === undefined ? {} : { tMs: since(atMs) }),
      ...(endMs === undefined ? {} : { endMs: since(endMs) }),
    }));
  }

  /** @throws FailureError when a fault can't be made ready */
  async prepare(specs: readonly FaultSpec[]): Promise<void> {
    const targets = new Map<NonNullable<Fault['prepare']>, string[]>();
    for (const { kind, target } of specs) {
      const { prepare } = ALL_FAULTS[kind];
      if (prepare) targets.set(prepare, [...(targets.get(prepare) ?? []), target]);
    }
    for (const [prepare, all] of targets) await prepare(all, this.#tools);
  }

  /** Makes a fault; resolves when it is made. Its length and its effect are followed in the background. */
  async inject(spec: FaultSpec): Promise<void> {
    const made = this.#inject(spec);
    this.#lasting.add(made);
    await made.finally(() => this.#lasting.delete(made));
  }

  async #inject(spec: FaultSpec): Promise<void> {
    const fault = faultText(spec);
    const at =
      this.#made.push({
        atMs: Date.now(),
        outcome: { fault, target: spec.target, effect: 'It lasts.', hadEffect: true },
      }) - 1;
    this.#log(`on purpose: ${fault}`);
    this.#onChange();
    try {
      await whenLed(spec.target, this.#tools, () => this.#isHealing);
      const injection = await ALL_FAULTS[spec.kind].inject(spec.target, this.#tools, {
        lengthMs: spec.lengthMs ?? 0,
        value: spec.value ?? '',
      });
      const made = this.#made[at];
      if (made) this.#made[at] = { ...made, atMs: injection.atMs ?? Date.now() };
      this.#change(at, { target: injection.targets.join(', ') });
      const work = this.#follow(at, spec, injection).finally(() => this.#working.delete(work));
      this.#working.add(work);
    } catch (error) {
      this.#change(at, { effect: `It could not be made: ${errorText(error)}`, hadEffect: false });
    }
  }

  /** Notes a fault whose moment never came. */
  skip(spec: FaultSpec): void {
    const effect = 'Its moment never came: the attack was over before.';
    this.#made.push({
      outcome: { fault: faultText(spec), target: spec.target, effect, hadEffect: false },
    });
    this.#onChange();
  }

  /** Resolves when none is being made and none lasts. */
  async over(): Promise<void> {
    while (this.#lasting.size > 0) await Promise.allSettled(this.#lasting);
  }

  /** Ends all faults that last, for good; resolves when they are over. */
  async heal(): Promise<void> {
    this.#isHealing = true;
    for (const heal of this.#heals) heal();
    await this.over();
  }

  /** The same; resolves when the effect of each is known, too. */
  async settle(): Promise<void> {
    await this.heal();
    await Promise.all(this.#working);
  }

  async #follow(at: number, { lengthMs }: FaultSpec, injection: Injection): Promise<void> {
    try {
      if (injection.heal && lengthMs !== undefined) {
        const lasting = this.#wait(lengthMs).then(injection.heal);
        this.#lasting.add(lasting);
        await lasting.finally(() => this.#lasting.delete(lasting));
        const made = this.#made[at];
        if (made) this.#made[at] = { ...made, endMs: Date.now() };
      }
      const { hadEffect, text } = await injection.effect();
      this.#change(at, { effect: text, hadEffect });
    } catch (error) {
      this.#change(at, { effect: `It could not be ended: ${errorText(error)}`, hadEffect: false });
    }
  }

  #wait(lengthMs: number): Promise<void> {
    if (this.#isHealing) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#heals.delete(end);
        resolve();
      };
      const timer = setTimeout(end, lengthMs);
      this.#heals.add(end);
    });
  }

  #change(at: number, change: Partial<Made['outcome']>): void {
    const made = this.#made[at];
    if (!made) return;
    this.#made[at] = { ...made, outcome: { ...made.outcome, ...change } };
    if (change.effect !== undefined) this.#log(`${made.outcome.fault}: ${change.effect}`);
    this.#onChange();
  }
}
