/** What the terminal shows while things happen: steps of a start, then one live line of the attack. */
import { byteSize } from '../control/report/format.ts';
import type { AttackState, ClusterState, ControlClient } from '../control/contract.ts';
import type { Sample } from '../control/report/run-record.ts';

/** ms between two lines where the output is a file or a pipe and can't be rewritten. */
const PLAIN_INTERVAL_MS = 1_000;

const PHASES: Readonly<Record<AttackState['phase'], string>> = {
  preparing: 'preparing',
  attacking: 'attacking',
  draining: 'draining the queue',
  auditing: 'auditing',
  finished: 'finished',
  failed: 'failed',
  cancelled: 'cancelled',
};

const number = new Intl.NumberFormat('en-US');

/** Seconds with one decimal. */
export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

/** The live line: phase, RPS, queue depth, stock left. */
export function attackLine(attack: AttackState, sample: Sample | undefined): string {
  const share = `${Math.floor(attack.progress * 100)} %`.padStart(5);
  return [
    `${PHASES[attack.phase].padEnd(18)} ${share}`,
    `${number.format(Math.round(sample?.rps ?? 0)).padStart(7)} req/s`,
    `queue ${number.format(sample?.queueDepth ?? 0).padStart(7)}`,
    `stock left ${number.format(sample?.remaining ?? attack.remaining).padStart(6)}`,
    `granted ${number.format(attack.granted).padStart(6)}`,
  ].join('  ');
}

export class Progress {
  readonly #out: NodeJS.WriteStream;
  readonly #told = new Map<string, string>();
  #isLineOpen = false;
  #lastPlainMs = 0;
  #lastPhase = '';

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  /** Prints what the client tells, until the returned function is called. */
  follow(client: ControlClient): () => void {
    let attack: AttackState | undefined;
    let sample: Sample | undefined;
    const show = () => {
      if (attack) this.#live(attackLine(attack, sample), attack.phase);
    };
    const ends = [
      client.on('cluster.stateChanged', ({ cluster }) => this.cluster(cluster)),
      client.on('attack.stateChanged', (event) => {
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
      this.closeLine();
    };
  }

  /** A line of its own, after the live one. */
  say(text: string): void {
    this.closeLine();
    this.#out.write(`${text}\n`);
  }

  cluster(state: ClusterState): void {
    for (const step of state.steps) {
      if (step.state === 'waiting' || this.#told.get(step.id) === step.state) continue;
      const { doneBytes, totalBytes } = step.progress ?? {};
      if (step.state === 'running') {
        if (doneBytes !== undefined)
          this.#live(
            `  … ${step.title}: ${byteSize(doneBytes)}${totalBytes ? ` of ${byteSize(totalBytes)}` : ''}`,
            step.id,
          );
        continue;
      }
      this.#told.set(step.id, step.state);
      const mark = { done: '✓', skipped: '–', failed: '✗' }[step.state];
      this.say(
        `  ${mark} ${step.title.padEnd(40)} ${step.durationMs === undefined ? '' : seconds(step.durationMs).padStart(7)}  ${step.detail ?? ''}`.trimEnd(),
      );
    }
    if (state.state === 'starting' && state.steps.length === 0) this.#told.clear();
  }

  closeLine(): void {
    if (this.#isLineOpen) this.#out.write('\n');
    this.#isLineOpen = false;
  }

  #live(text: string, phase: string): void {
    if (this.#out.isTTY) {
      this.#out.write(`\r\u001b[2K${text.slice(0, Math.max(20, this.#out.columns - 1))}`);
      this.#isLineOpen = true;
      return;
    }
    const now = performance.now();
    if (phase === this.#lastPhase && now - this.#lastPlainMs < PLAIN_INTERVAL_MS) return;
    this.#lastPhase = phase;
    this.#lastPlainMs = now;
    this.#out.write(`${text}\n`);
  }
}
