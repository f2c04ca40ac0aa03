/** What the terminal shows meanwhile: the steps of a start or stop, and one live line of the attack. */
import { byteSize, whole } from '../contract/format.ts';
import type { AttackState, ClusterState } from '../contract/state.ts';
import type { ControlClient } from '../contract/contract.ts';
import type { Step } from '../contract/backends.ts';
import type { Sample } from '../contract/run-record.ts';
import type { Output } from './output.ts';

/** ms between two lines if the output is a file or a pipe, which can't be rewritten. */
const PLAIN_INTERVAL_MS = 1_000;

const PHASES: Readonly<Record<AttackState['phase'], readonly [long: string, short: string]>> = {
  preparing: ['preparing', 'prepare'],
  attacking: ['attacking', 'attack'],
  draining: ['draining the queue', 'drain'],
  auditing: ['auditing', 'audit'],
  finished: ['finished', 'finished'],
  failed: ['failed', 'failed'],
  cancelled: ['cancelled', 'cancelled'],
};

/** Seconds with one decimal. */
export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

/** The live line: phase, rate, queue depth, stock left, granted. A narrow terminal gets shorter words or fewer fields. */
export function attackLine(attack: AttackState, sample: Sample | undefined, width: number): string {
  const [long, short] = PHASES[attack.phase];
  const share = `${Math.floor(attack.progress * 100)} %`;
  // Later phases send nothing: a rate of 0 would look like a fault.
  const rps = attack.phase === 'attacking' ? whole(sample?.rps ?? 0) : undefined;
  const queue = whole(sample?.queueDepth ?? 0);
  const left = whole(sample?.remaining ?? attack.remaining);
  const granted = whole(attack.granted);
  const wide = [
    `${long.padEnd(18)} ${share.padStart(5)}`,
    `${(rps ?? '').padStart(7)} ${rps === undefined ? '     ' : 'req/s'}`,
    `queue ${queue.padStart(7)}`,
    `stock left ${left.padStart(6)}`,
    `granted ${granted.padStart(6)}`,
  ].join('  ');
  if (wide.length <= width) return wide;
  const rate = (unit: string) => (rps === undefined ? [] : [`${rps}${unit}`]);
  const medium = [
    `${long} ${share}`,
    ...rate(' req/s'),
    `queue ${queue}`,
    `left ${left}`,
    `granted ${granted}`,
  ];
  if (medium.join('  ').length <= width) return medium.join('  ');
  const narrow = [
    `${short} ${share.replace(' ', '')}`,
    ...rate('/s'),
    `queue ${queue}`,
    `left ${left}`,
    `sold ${granted}`,
  ];
  while (narrow.length > 1 && narrow.join(' ').length > width) narrow.pop();
  return narrow.join(' ');
}

/** A step that is over: one line, with its detail below it if it does not fit. */
export function stepLines({ title, state, durationMs, detail = '' }: Step, width: number): string[] {
  const mark = { done: '✓', skipped: '–', failed: '✗', waiting: '·', running: '…' }[state];
  const took = durationMs === undefined ? '' : seconds(durationMs);
  const whole = `  ${mark} ${title.padEnd(40)} ${took.padStart(7)}  ${detail}`.trimEnd();
  if (whole.length <= width) return [whole];
  return [
    `  ${mark} ${title}${took === '' ? '' : ` (${took})`}`,
    ...(detail === '' ? [] : [`    ${detail}`]),
  ];
}

export class Progress {
  readonly #out: Output;
  /** Printed steps by id, start and state. */
  readonly #printed = new Set<string>();
  readonly #sinceMs = Date.now();
  #isMoving = false;
  #isQuiet = false;
  #lastPlainMs = -Infinity;
  #lastPhase = '';

  constructor(out: Output) {
    this.#out = out;
  }

  /** Shows the client's events until the returned function is called. */
  follow(client: ControlClient): () => void {
    let attack: AttackState | undefined;
    let sample: Sample | undefined;
    const show = () => {
      if (attack) this.#attack(attack, sample);
    };
    const ends = [
      client.on('cluster.stateChanged', ({ cluster }) => this.cluster(cluster)),
      client.on('attack.stateChanged', (event) => {
        if (attack?.runId !== event.attack.runId) sample = undefined;
        attack = event.attack;
        show();
      }),
      client.on('attack.samplesTaken', (event) => {
        sample = event.samples.at(-1) ?? sample;
        show();
      }),
    ];
    return () => {
      for (const end of ends) end();
      this.#out.clearLive();
    };
  }

  print(text: string, hanging = 0): void {
    this.#out.print(text, hanging);
  }

  /** Shows steps in the live line only, so that the verdict stays last on the screen. */
  beQuiet(): void {
    this.#isQuiet = true;
  }

  /** Shows the new steps of a state. A start that was over before `follow` is not shown. */
  cluster(state: ClusterState): void {
    const isMoving = state.state === 'starting' || state.state === 'stopping';
    const wasMoving = this.#isMoving;
    this.#isMoving = isMoving;
    for (const step of state.steps)
      if (isMoving || wasMoving || (step.startedAtMs ?? 0) >= this.#sinceMs) this.#step(step, state);
    if (wasMoving && !isMoving) this.#out.clearLive();
  }

  #step(step: Step, { state, backends }: ClusterState): void {
    const key = `${step.id} ${step.startedAtMs} ${step.state}`;
    if (step.state === 'waiting' || this.#printed.has(key)) return;
    if (step.state === 'running') {
      const { doneBytes, totalBytes } = step.progress ?? {};
      if (doneBytes !== undefined) {
        const total = totalBytes ? ` of ${byteSize(totalBytes)}` : '';
        this.#live(`  … ${step.title}: ${byteSize(doneBytes)}${total}`, step.id);
      } else if (state === 'stopping') {
        const up = backends.filter((backend) => backend.state !== 'stopped' && backend.state !== 'absent');
        const which =
          step.id === 'stop.backends' && up.length > 0 ? `: ${up.map(({ role }) => role).join(', ')}` : '';
        this.#out.live(`  … ${step.title}${which}`);
      } else this.#out.live(`  … ${step.title}`);
      return;
    }
    this.#printed.add(key);
    if (this.#isQuiet && step.state !== 'failed') return;
    for (const line of stepLines(step, this.#out.width)) this.#out.print(line);
  }

  #attack(attack: AttackState, sample: Sample | undefined): void {
    // The verdict or the failure is printed elsewhere.
    if (['finished', 'failed', 'cancelled'].includes(attack.phase)) return this.#out.clearLive();
    this.#live(attackLine(attack, sample, this.#out.width - 1), attack.phase);
  }

  #live(text: string, phase: string): void {
    if (this.#out.isLive) return this.#out.live(text);
    const now = performance.now();
    if (phase === this.#lastPhase && now - this.#lastPlainMs < PLAIN_INTERVAL_MS) return;
    this.#lastPhase = phase;
    this.#lastPlainMs = now;
    this.#out.raw(`${text}\n`);
  }
}
