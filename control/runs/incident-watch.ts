/**
 * What happened to the parts during a run: which of them stood still, ended, or came back. Each part is
 * judged by its own clock: generators and services report how late their event loops were, and the control
 * centre watches its own. When the control centre and another part stood still at once, it was the whole
 * machine.
 */
import { SAMPLE_INTERVAL_MS } from '../../services/shared/messages.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { BACKEND_TITLES } from '../../contract/backends.ts';
import type { AttackInterval } from '../attack/runner/interval-merger.ts';
import { milliseconds } from '../../contract/format.ts';
import type { Incident } from '../../contract/run-record.ts';
import type { ServiceSample } from '../services/service-child.ts';
import type { Supervisor } from '../services/supervisor.ts';

/**
 * ms for which a clock must stand still to be an incident. A burst makes an event loop late by some hundred
 * ms.
 */
export const PAUSE_MS = 1_500;
const LOOK_MS = 100;

export interface WatchedParts {
  readonly supervisor: Pick<Supervisor, 'states' | 'totals'>;
  readonly cluster: Pick<Cluster, 'backends'>;
}

interface Pause {
  readonly part: string;
  readonly fromMs: number;
  readonly toMs: number;
}

export class IncidentWatch {
  readonly #parts: WatchedParts;
  readonly #log: (text: string) => void;
  /** Epoch ms throughout: the only clock that all processes share. */
  readonly #now: () => number;
  readonly #pauses: Pause[] = [];
  readonly #others: (Omit<Incident, 'tMs'> & { readonly atMs: number })[] = [];
  readonly #lastSampleMs = new Map<string, number>();
  readonly #lateMs = new Map<string, number>();
  readonly #states = new Map<string, string>();
  readonly #awaySince = new Map<string, number>();
  readonly #rebuildsBefore: number;
  #longestAwayMs = 0;
  #lookedMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: WatchedParts, onLog: (text: string) => void, now: () => number = Date.now) {
    this.#parts = parts;
    this.#log = onLog;
    this.#now = now;
    this.#lookedMs = now();
    this.#rebuildsBefore = parts.supervisor.totals.read().rebuilds;
  }

  start(): void {
    this.#lookedMs = this.#now();
    this.#timer = setInterval(() => this.look(), LOOK_MS);
  }

  end(): void {
    clearInterval(this.#timer);
  }

  /** Takes a sample of a service, which says how late the service's event loop was. */
  handleSample(id: string, { atMs, eventLoopLagMs }: Pick<ServiceSample, 'atMs' | 'eventLoopLagMs'>): void {
    // The first sample after a pause may come before the loop's own meter has seen the pause. The gap between
    // samples shows it.
    const gapMs = atMs - (this.#lastSampleMs.get(id) ?? atMs) - SAMPLE_INTERVAL_MS;
    this.#lastSampleMs.set(id, atMs);
    const lateMs = Math.max(eventLoopLagMs, gapMs);
    this.#recordLateness(id, lateMs);
    if (lateMs >= PAUSE_MS) this.#pause(id, atMs - lateMs, atMs);
  }

  /** Takes an interval of the generators that ended at `atMs`. */
  handleInterval({ eventLoopLagMaxMs }: Pick<AttackInterval, 'eventLoopLagMaxMs'>, atMs: number): void {
    this.#recordLateness('generator', eventLoopLagMaxMs);
    if (eventLoopLagMaxMs >= PAUSE_MS) this.#pause('generator', atMs - eventLoopLagMaxMs, atMs);
  }

  add(part: string, kind: Incident['kind'], text: string, atMs = this.#now()): void {
    this.#others.push({ part, kind, text, atMs });
    this.#log(text);
  }

  /** Compares the state of every part with that of the last look. */
  look(): void {
    const nowMs = this.#now();
    const lateMs = nowMs - this.#lookedMs - LOOK_MS;
    this.#recordLateness('control', lateMs);
    if (lateMs >= PAUSE_MS) this.#pause('control', this.#lookedMs, nowMs);
    this.#lookedMs = nowMs;
    for (const { id, state, detail } of this.#parts.supervisor.states())
      this.#follow(id, id, state, detail, nowMs);
    for (const { role, state, detail } of this.#parts.cluster.backends())
      this.#follow(role, BACKEND_TITLES[role], state, detail, nowMs);
  }

  /** The parts that do not work now, each as a sentence. */
  missing(): string[] {
    const nowMs = this.#now();
    const { supervisor, cluster } = this.#parts;
    const missing: string[] = [];
    const services = supervisor.states();
    for (const { id, state, detail } of services) {
      const why = detail === undefined ? '' : ` (${detail})`;
      const silentMs = nowMs - (this.#lastSampleMs.get(id) ?? nowMs);
      if (state === 'failed') missing.push(`${id} was given up${why}.`);
      else if (state !== 'running') missing.push(`${id} is ${state}${why}.`);
      else if (silentMs >= PAUSE_MS) missing.push(`${id} has said nothing for ${milliseconds(silentMs)}.`);
    }
    for (const role of ['gateway', 'worker'] as const)
      if (!services.some((service) => service.role === role)) missing.push(`There is no ${role}.`);
    for (const { role, state, detail } of cluster.backends()) {
      const why = detail === undefined ? '' : `: ${detail.replace(/\.$/, '')}`;
      if (state !== 'running') missing.push(`${BACKEND_TITLES[role]} is ${state}${why}.`);
    }
    for (const [id, sample] of supervisor.totals.latest())
      if (sample.role === 'worker' && sample.framesInHandNow > 0)
        missing.push(`${id} still has ${sample.framesInHandNow} frames in hand.`);
    if (supervisor.totals.read().rebuilds > this.#rebuildsBefore)
      missing.push(
        'Redis lost data or started again, and the sale was rebuilt from the tickets in Postgres: refusals that Redis had lost by then are no longer on record.',
      );
    return missing;
  }

  /**
   * All incidents in the order of time.
   * @param startMs moment of the first request, in ms since the epoch
   */
  incidents(startMs: number): Incident[] {
    const pauses = mergePauses([...this.#pauses, ...this.#silences()]).map(({ part, fromMs, toMs }) => ({
      tMs: Math.round(fromMs - startMs),
      part,
      kind: 'paused' as const,
      lengthMs: Math.round(toMs - fromMs),
      text: pauseText(part, toMs - fromMs),
    }));
    const others = this.#others.map(({ atMs, ...rest }) => ({ ...rest, tMs: Math.round(atMs - startMs) }));
    return [...pauses, ...others].sort((a, b) => a.tMs - b.tMs);
  }

  /** The longest time for which a part stood still or was away so far. */
  heldUpMs(): number {
    const stood = [...this.#pauses, ...this.#silences()].map(({ fromMs, toMs }) => toMs - fromMs);
    // Pauses of services count even when they are too short to be incidents: they delayed the frames in hand.
    const late = [...this.#lateMs].flatMap(([part, lateMs]) => (part === 'generator' ? [] : [lateMs]));
    return Math.round(Math.max(0, this.#longestAwayMs, ...stood, ...late));
  }

  /** Services that count as running and have sent no sample for a while: they still stand still. */
  #silences(): Pause[] {
    const toMs = this.#now();
    return this.#parts.supervisor.states().flatMap(({ id, state }) => {
      const fromMs = this.#lastSampleMs.get(id) ?? toMs;
      return state === 'running' && toMs - fromMs >= PAUSE_MS ? [{ part: id, fromMs, toMs }] : [];
    });
  }

  /** The greatest lateness of each part's event loop, in ms. */
  clocks(): Record<string, number> {
    return Object.fromEntries(
      [...this.#lateMs]
        .map(([part, lateMs]) => [part, Math.round(lateMs)] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  }

  #recordLateness(part: string, lateMs: number): void {
    if (lateMs > (this.#lateMs.get(part) ?? -1)) this.#lateMs.set(part, Math.max(0, lateMs));
  }

  #pause(part: string, fromMs: number, toMs: number): void {
    this.#pauses.push({ part, fromMs, toMs });
  }

  #follow(id: string, name: string, state: string, detail: string | undefined, nowMs: number): void {
    const before = this.#states.get(id);
    this.#states.set(id, state);
    // The next sample comes from another process.
    if (state !== 'running') this.#lastSampleMs.delete(id);
    if (before === undefined || before === state) return;
    const why = detail === undefined ? '' : `: ${detail.replace(/\.$/, '')}`;
    const since = this.#awaySince.get(id);
    if (state === 'running' && since !== undefined) {
      this.#awaySince.delete(id);
      this.#longestAwayMs = Math.max(this.#longestAwayMs, nowMs - since);
      this.add(id, 'back', `${name} serves again after ${milliseconds(nowMs - since)}.`, nowMs);
    } else if (state === 'failed') {
      this.#awaySince.set(id, since ?? nowMs);
      this.add(id, 'failed', `${name} was given up${why}.`, nowMs);
    } else if (before === 'running' && state !== 'stopping' && state !== 'stopped') {
      this.#awaySince.set(id, nowMs);
      const what = state === 'unhealthy' ? 'runs, but does not serve' : 'went away';
      this.add(id, 'ended', `${name} ${what}${why}.`, nowMs);
    }
  }
}

const overlaps = (a: Pause, b: Pause) => a.fromMs < b.toMs && b.fromMs < a.toMs;

/**
 * Joins overlapping pauses of one part. A pause that the control centre and another part share was the
 * machine's.
 */
function mergePauses(pauses: readonly Pause[]): Pause[] {
  const ofControl = pauses.filter((pause) => pause.part === 'control');
  const shared = ofControl.filter((own) =>
    pauses.some((other) => other.part !== 'control' && overlaps(own, other)),
  );
  const named = pauses.map((pause) =>
    shared.some((own) => overlaps(own, pause)) ? { ...pause, part: 'machine' } : pause,
  );
  const merged: Pause[] = [];
  for (const pause of named.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const at = merged.findIndex((one) => one.part === pause.part && overlaps(one, pause));
    const one = merged[at];
    if (one) merged[at] = { ...one, toMs: Math.max(one.toMs, pause.toMs) };
    else merged.push(pause);
  }
  return merged;
}

function pauseText(part: string, lengthMs: number): string {
  const length = milliseconds(lengthMs);
  if (part === 'machine')
    return `The whole machine stood still for ${length} (suspended, stopped or starved): latencies and rates include that pause.`;
  if (part === 'control') return `The control centre stood still for ${length}: its samples have a gap.`;
  if (part === 'generator')
    return `The load generator stood still for ${length}: latencies include its own delay.`;
  return `${part} stood still for ${length}.`;
}
